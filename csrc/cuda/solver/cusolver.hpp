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

  // a = u diag(sigma) v_transposed for square a, which is overwritten; false: no convergence. Waits
  // for the stream. QR iteration: the accuracy of small singular values decides what a cutoff
  // keeps, and the Jacobi and polar variants of cuSOLVER promise less of it.
  template <class T>
  [[nodiscard]] bool gesvd(MatrixView<T> a, MatrixView<T> u, T *sigma,
                           MatrixView<T> v_transposed) const;

private:
  Queue queue_;
  Handle handle_, params_;
  std::unique_lock<std::mutex> lock_;
};

} // namespace anagram::cuda
