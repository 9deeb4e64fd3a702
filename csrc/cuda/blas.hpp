// Matrix products by cuBLAS.
#pragma once

#include <mutex>

#include "cuda/runtime/blas_abi.hpp"
#include "cuda/runtime/device.hpp"

namespace anagram::cuda {

// A cuBLAS handle of one device and stream, locked for this object's life: cuBLAS forbids two
// threads to use one at a time. Handles are made once and kept.
class Blas {
public:
  explicit Blas(const Queue &queue);

  // C [m, n] (+)= op(A) op(B), column-major.
  template <class T>
  void gemm(bool transpose_a, bool transpose_b, int m, int n, int k, const T *a, int lda,
            const T *b, int ldb, bool add, T *c, int ldc) const;

  // y [m or n] (+)= op(A) x, A [m, n]
  template <class T>
  void gemv(bool transpose, int m, int n, const T *a, int lda, const T *x, bool add, T *y) const;

  // B [m, n] <- B R^-1, R [n, n] the upper triangle of what is given.
  template <class T>
  void divide_by_triangle(int m, int n, const T *r, int ldr, T *b, int ldb) const;

private:
  Handle handle_;
  std::unique_lock<std::mutex> lock_;
};

} // namespace anagram::cuda
