// The functions of cuBLAS in use, by the host's BLAS.
#include "library_call.hpp"

namespace emulated_cuda {
namespace {

template <class T>
int gemm(Handle handle, int op_a, int op_b, int m, int n, int k, const T *alpha, const T *a,
         int lda, const T *b, int ldb, const T *beta, T *c, int ldc) {
  const std::string name = sizeof(T) == 8 ? "cublasDgemm_v2" : "cublasSgemm_v2";
  return call(name, Kind::blas, handle, [&](const Checks &check) {
    check.host(alpha);
    check.host(beta);
    check.matrix(a, op_a ? k : m, op_a ? m : k, lda);
    check.matrix(b, op_b ? n : k, op_b ? k : n, ldb);
    check.matrix(c, m, n, ldc);
    const char ta = letter(op_a), tb = letter(op_b);
    lapack<T>("gemm", &ta, &tb, &m, &n, &k, alpha, a, &lda, b, &ldb, beta, c, &ldc);
  });
}

template <class T>
int gemv(Handle handle, int op, int m, int n, const T *alpha, const T *a, int lda, const T *x,
         int x_step, const T *beta, T *y, int y_step) {
  const std::string name = sizeof(T) == 8 ? "cublasDgemv_v2" : "cublasSgemv_v2";
  return call(name, Kind::blas, handle, [&](const Checks &check) {
    check.host(alpha);
    check.host(beta);
    check.matrix(a, m, n, lda);
    check.value(x_step == 1 && y_step == 1, "step of a vector");
    check.vector(x, op ? m : n);
    check.vector(y, op ? n : m);
    const char transpose = letter(op);
    lapack<T>("gemv", &transpose, &m, &n, alpha, a, &lda, x, &x_step, beta, y, &y_step);
  });
}

template <class T>
int trsm(Handle handle, int side, int fill, int op, int diagonal, int m, int n, const T *alpha,
         const T *a, int lda, T *b, int ldb) {
  const std::string name = sizeof(T) == 8 ? "cublasDtrsm_v2" : "cublasStrsm_v2";
  return call(name, Kind::blas, handle, [&](const Checks &check) {
    check.host(alpha);
    check.value(side == 0 || side == 1, "side");
    check.value((fill == 0 || fill == 1) && (diagonal == 0 || diagonal == 1), "triangle");
    check.matrix(a, side ? n : m, side ? n : m, lda);
    check.matrix(b, m, n, ldb);
    const char side_ = side ? 'R' : 'L', fill_ = fill ? 'U' : 'L', op_ = letter(op);
    const char diagonal_ = diagonal ? 'U' : 'N';
    lapack<T>("trsm", &side_, &fill_, &op_, &diagonal_, &m, &n, alpha, a, &lda, b, &ldb);
  });
}

} // namespace

void fill_cublas(Libraries &table) {
  table.cublasCreate_v2 = [](Handle *handle) { return create(handle, Kind::blas); };
  table.cublasDestroy_v2 = [](Handle handle) { return destroy(handle, Kind::blas); };
  table.cublasSetStream_v2 = [](Handle handle, void *stream) {
    return set_stream(handle, Kind::blas, stream);
  };
  table.cublasDgemm_v2 = gemm<double>;
  table.cublasSgemm_v2 = gemm<float>;
  table.cublasDgemv_v2 = gemv<double>;
  table.cublasSgemv_v2 = gemv<float>;
  table.cublasDtrsm_v2 = trsm<double>;
  table.cublasStrsm_v2 = trsm<float>;
}

} // namespace emulated_cuda
