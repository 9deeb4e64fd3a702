// QR of a tall matrix by products alone: shifted Cholesky-QR in three passes.
//
// Each pass divides Q by the Cholesky factor of its Gram matrix, Q <- Q chol(Q^T Q)^-1; what was
// ill-conditioned is well-conditioned after the first, orthonormal to a few digits after the second
// and to round-off after the third. Lengths of columns do not matter to it; with columns brought to
// length one it is as accurate as Householder's QR up to a condition of about 1e15 in double
// precision. Source: T. Fukaya, R. Kannan, Y. Nakatsukasa, Y. Yamamoto & Y. Yanagisawa, "Shifted
// Cholesky QR for computing the QR factorization of ill-conditioned matrices" (SIAM J. Sci. Comput.
// 42, 2020), with a shift relative to the length of each column.
#pragma once

#include <cstdint>
#include <memory>

#include "anagram/solver/magnitude.hpp"
#include "cuda/runtime/arriving.hpp"
#include "cuda/solver/matrix.hpp"

namespace anagram::cuda {

template <class T> class CholeskyQr {
public:
  // Of a [m, n], n <= m, which stays as it is. Waits for nothing.
  CholeskyQr(MatrixView<const T> a, const Queue &queue);

  // Whether Q is orthonormal to round-off. Waits for the stream unless somebody has since.
  bool is_accurate() const;

  DeviceMatrix<T> q; // [m, n]; it and R may hold anything where they are not accurate
  DeviceMatrix<T> r; // [n, n], zero below the diagonal

private:
  DeviceMatrix<T> gram() const;
  std::unique_ptr<Arriving<Magnitude>> deviation_of(const DeviceMatrix<T> &gram) const;
  DeviceMatrix<T> divide_by_factor_of(DeviceMatrix<T> gram);
  void multiply_r(const DeviceMatrix<T> &factor);

  Queue queue_;
  std::unique_ptr<Arriving<Magnitude>> deviation_; // Q^T Q - 1 before the last pass
};

extern template class CholeskyQr<double>;
extern template class CholeskyQr<float>;

} // namespace anagram::cuda
