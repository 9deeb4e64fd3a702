#include "cuda/blas.hpp"

#include <utility>

#include "cuda/runtime/libraries.hpp"
#include "cuda/runtime/per_queue.hpp"
#include "cuda/runtime/status.hpp"

namespace anagram::cuda {
namespace {

struct BlasHandle {
  Handle handle = nullptr;
};

PerQueue<BlasHandle>::Locked handle_of(const Queue &queue) {
  return PerQueue<BlasHandle>::of(queue, [&] {
    BlasHandle made;
    ANAGRAM_CUBLAS_CALL(libraries().cublasCreate_v2(&made.handle));
    ANAGRAM_CUBLAS_CALL(libraries().cublasSetStream_v2(made.handle, queue.stream));
    return made;
  });
}

auto gemm_function(double) { return libraries().cublasDgemm_v2; }
auto gemm_function(float) { return libraries().cublasSgemm_v2; }
auto gemv_function(double) { return libraries().cublasDgemv_v2; }
auto gemv_function(float) { return libraries().cublasSgemv_v2; }
auto trsm_function(double) { return libraries().cublasDtrsm_v2; }
auto trsm_function(float) { return libraries().cublasStrsm_v2; }

} // namespace

Blas::Blas(const Queue &queue) {
  auto locked = handle_of(queue);
  handle_ = locked.object.handle;
  lock_ = std::move(locked.lock);
}

template <class T>
void Blas::gemm(bool transpose_a, bool transpose_b, int m, int n, int k, const T *a, int lda,
                const T *b, int ldb, bool add, T *c, int ldc) const {
  const auto gemm = gemm_function(T());
  const T one = 1, beta = add ? T(1) : T(0);
  ANAGRAM_CUBLAS_CALL(gemm(handle_, transpose_a ? op_t : op_n, transpose_b ? op_t : op_n, m, n, k,
                           &one, a, lda, b, ldb, &beta, c, ldc));
}

template <class T>
void Blas::gemv(bool transpose, int m, int n, const T *a, int lda, const T *x, bool add,
                T *y) const {
  const auto gemv = gemv_function(T());
  const T one = 1, beta = add ? T(1) : T(0);
  ANAGRAM_CUBLAS_CALL(
      gemv(handle_, transpose ? op_t : op_n, m, n, &one, a, lda, x, 1, &beta, y, 1));
}

template <class T>
void Blas::divide_by_triangle(int m, int n, const T *r, int ldr, T *b, int ldb) const {
  const auto trsm = trsm_function(T());
  const T one = 1;
  ANAGRAM_CUBLAS_CALL(
      trsm(handle_, side_right, fill_upper, op_n, diagonal_any, m, n, &one, r, ldr, b, ldb));
}

template void Blas::divide_by_triangle(int, int, const double *, int, double *, int) const;
template void Blas::divide_by_triangle(int, int, const float *, int, float *, int) const;
template void Blas::gemm(bool, bool, int, int, int, const double *, int, const double *, int, bool,
                         double *, int) const;
template void Blas::gemm(bool, bool, int, int, int, const float *, int, const float *, int, bool,
                         float *, int) const;
template void Blas::gemv(bool, int, int, const double *, int, const double *, bool, double *) const;
template void Blas::gemv(bool, int, int, const float *, int, const float *, bool, float *) const;

} // namespace anagram::cuda
