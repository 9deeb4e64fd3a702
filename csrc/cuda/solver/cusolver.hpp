// QR and SVD by cuSOLVER, with matrices of device memory for arguments: sizes are checked when they
// are narrowed, workspaces are allocated, and every devInfo is read: those of QR, which can only
// say that an argument is wrong, when somebody waits for the stream next.
#pragma once

#include <mutex>

#include "anagram/solver/matrix.hpp"
#include "cuda/runtime/blas_abi.hpp"
#include "cuda/runtime/device.hpp"

namespace anagram::cuda {

// A cuSOLVER handle of one device and stream, locked for this object's life like that of Blas.
class Solver {
public:
  explicit Solver(const Queue &queue);

  // a [m, n] becomes R and, below the diagonal, the reflectors with factors scales [n], n <= m.
  template <class T> void geqrf(MatrixView<T> a, T *scales) const;

  // c <- Q c or Q^T c for the output of geqrf
  template <class T>
  void ormqr(Operation op, MatrixView<const T> reflectors, const T *scales, MatrixView<T> c) const;

  // The reflectors in q [m, n] become the first n columns of Q.
  template <class T> void orgqr(MatrixView<T> q, const T *scales) const;

  // R with a = R^T R in the upper triangle of symmetric a [n, n]; *info, on the device, is positive
  // where there is none.
  template <class T> void potrf(MatrixView<T> a, int *info) const;

  // a = u diag(sigma) v^T for square a, which is overwritten, by a polar decomposition and its
  // symmetric factor: almost all products. Of a + E, |E| = *perturbation; singular values move by
  // no more. false: no convergence. Waits for the stream.
  template <class T>
  [[nodiscard]] bool gesvdp(MatrixView<T> a, MatrixView<T> u, T *sigma, MatrixView<T> v,
                            double *perturbation) const;

  // a = u diag(sigma) v_transposed for square a, which is overwritten; false: no convergence. Waits
  // for the stream. QR iteration: slow, and as accurate as LAPACK's.
  template <class T>
  [[nodiscard]] bool gesvd(MatrixView<T> a, MatrixView<T> u, T *sigma,
                           MatrixView<T> v_transposed) const;

private:
  Queue queue_;
  Handle handle_, params_;
  std::unique_lock<std::mutex> lock_;
};

} // namespace anagram::cuda
