#include "cuda/solver/cusolver.hpp"

#include <utility>
#include <vector>

#include "cuda/runtime/buffer.hpp"
#include "cuda/runtime/late_infos.hpp"
#include "cuda/runtime/libraries.hpp"
#include "cuda/runtime/per_queue.hpp"
#include "cuda/runtime/status.hpp"
#include "cuda/solver/narrow.hpp"

namespace anagram::cuda {
namespace {

struct SolverHandle {
  Handle handle = nullptr, params = nullptr;
};

PerQueue<SolverHandle>::Locked handle_of(const Queue &queue) {
  return PerQueue<SolverHandle>::of(queue, [&] {
    SolverHandle made;
    ANAGRAM_CUSOLVER_CALL(libraries().cusolverDnCreate(&made.handle));
    ANAGRAM_CUSOLVER_CALL(libraries().cusolverDnSetStream(made.handle, queue.stream));
    ANAGRAM_CUSOLVER_CALL(libraries().cusolverDnCreateParams(&made.params));
    return made;
  });
}

// The functions for one number type.
template <class T> struct Functions;
#define ANAGRAM_FUNCTIONS(T, letter)                                                               \
  template <> struct Functions<T> {                                                                \
    const Libraries &all = libraries();                                                            \
    decltype(all.cusolverDn##letter##geqrf) geqrf = all.cusolverDn##letter##geqrf;                 \
    decltype(all.cusolverDn##letter##ormqr) ormqr = all.cusolverDn##letter##ormqr;                 \
    decltype(all.cusolverDn##letter##orgqr) orgqr = all.cusolverDn##letter##orgqr;                 \
    decltype(all.cusolverDn##letter##potrf) potrf = all.cusolverDn##letter##potrf;                 \
    decltype(all.cusolverDn##letter##potrf_bufferSize) potrf_bufferSize =                          \
        all.cusolverDn##letter##potrf_bufferSize;                                                  \
    decltype(all.cusolverDn##letter##geqrf_bufferSize) geqrf_bufferSize =                          \
        all.cusolverDn##letter##geqrf_bufferSize;                                                  \
    decltype(all.cusolverDn##letter##ormqr_bufferSize) ormqr_bufferSize =                          \
        all.cusolverDn##letter##ormqr_bufferSize;                                                  \
    decltype(all.cusolverDn##letter##orgqr_bufferSize) orgqr_bufferSize =                          \
        all.cusolverDn##letter##orgqr_bufferSize;                                                  \
  };
ANAGRAM_FUNCTIONS(double, D)
ANAGRAM_FUNCTIONS(float, S)
#undef ANAGRAM_FUNCTIONS

} // namespace

Solver::Solver(const Queue &queue) : queue_(queue) {
  auto locked = handle_of(queue);
  handle_ = locked.object.handle;
  params_ = locked.object.params;
  lock_ = std::move(locked.lock);
}

template <class T> void Solver::geqrf(MatrixView<T> a, T *scales) const {
  const Functions<T> cusolver;
  const int m = narrow(a.rows), n = narrow(a.columns), lda = narrow(a.stride);
  int size = 0;
  ANAGRAM_CUSOLVER_CALL(cusolver.geqrf_bufferSize(handle_, m, n, a.data, lda, &size));
  const Buffer<T> work(size, queue_);
  const Buffer<int> info(1, queue_);
  ANAGRAM_CUSOLVER_CALL(
      cusolver.geqrf(handle_, m, n, a.data, lda, scales, work.data(), size, info.data()));
  ANAGRAM_CUSOLVER_LATE_INFO(info.data(), "geqrf", queue_);
}

template <class T>
void Solver::ormqr(Operation op, MatrixView<const T> reflectors, const T *scales,
                   MatrixView<T> c) const {
  const Functions<T> cusolver;
  const int m = narrow(c.rows), n = narrow(c.columns), k = narrow(reflectors.columns);
  const int lda = narrow(reflectors.stride), ldc = narrow(c.stride);
  int size = 0;
  ANAGRAM_CUSOLVER_CALL(cusolver.ormqr_bufferSize(handle_, side_left, op, m, n, k, reflectors.data,
                                                  lda, scales, c.data, ldc, &size));
  const Buffer<T> work(size, queue_);
  const Buffer<int> info(1, queue_);
  ANAGRAM_CUSOLVER_CALL(cusolver.ormqr(handle_, side_left, op, m, n, k, reflectors.data, lda,
                                       scales, c.data, ldc, work.data(), size, info.data()));
  ANAGRAM_CUSOLVER_LATE_INFO(info.data(), "ormqr", queue_);
}

template <class T> void Solver::orgqr(MatrixView<T> q, const T *scales) const {
  const Functions<T> cusolver;
  const int m = narrow(q.rows), n = narrow(q.columns), lda = narrow(q.stride);
  int size = 0;
  ANAGRAM_CUSOLVER_CALL(cusolver.orgqr_bufferSize(handle_, m, n, n, q.data, lda, scales, &size));
  const Buffer<T> work(size, queue_);
  const Buffer<int> info(1, queue_);
  ANAGRAM_CUSOLVER_CALL(
      cusolver.orgqr(handle_, m, n, n, q.data, lda, scales, work.data(), size, info.data()));
  ANAGRAM_CUSOLVER_LATE_INFO(info.data(), "orgqr", queue_);
}

template <class T> void Solver::potrf(MatrixView<T> a, int *info) const {
  const Functions<T> cusolver;
  const int n = narrow(a.columns), lda = narrow(a.stride);
  int size = 0;
  ANAGRAM_CUSOLVER_CALL(cusolver.potrf_bufferSize(handle_, fill_upper, n, a.data, lda, &size));
  const Buffer<T> work(size, queue_);
  ANAGRAM_CUSOLVER_CALL(
      cusolver.potrf(handle_, fill_upper, n, a.data, lda, work.data(), size, info));
}

template <class T>
bool Solver::gesvdp(MatrixView<T> a, MatrixView<T> u, T *sigma, MatrixView<T> v,
                    double *perturbation) const {
  constexpr int type = data_type<T>, economy = 1;
  size_t device_bytes = 0, host_bytes = 0;
  ANAGRAM_CUSOLVER_CALL(libraries().cusolverDnXgesvdp_bufferSize(
      handle_, params_, with_vectors, economy, a.rows, a.columns, type, a.data, a.stride, type,
      sigma, type, u.data, u.stride, type, v.data, v.stride, type, &device_bytes, &host_bytes));
  const Buffer<char> device_work(static_cast<int64_t>(device_bytes), queue_);
  std::vector<char> host_work(host_bytes);
  const Buffer<int> info(1, queue_);
  ANAGRAM_CUSOLVER_CALL(libraries().cusolverDnXgesvdp(
      handle_, params_, with_vectors, economy, a.rows, a.columns, type, a.data, a.stride, type,
      sigma, type, u.data, u.stride, type, v.data, v.stride, type, device_work.data(), device_bytes,
      host_work.data(), host_bytes, info.data(), perturbation));
  const int found = read_back<int>(info.data(), 1, queue_).front();
  if (found < 0)
    ANAGRAM_CUSOLVER_INFO(found, "gesvdp");
  return found == 0;
}

template <class T>
bool Solver::gesvd(MatrixView<T> a, MatrixView<T> u, T *sigma, MatrixView<T> v_transposed) const {
  constexpr int type = data_type<T>;
  constexpr signed char economy = 'S'; // all columns, for a square matrix
  size_t device_bytes = 0, host_bytes = 0;
  ANAGRAM_CUSOLVER_CALL(libraries().cusolverDnXgesvd_bufferSize(
      handle_, params_, economy, economy, a.rows, a.columns, type, a.data, a.stride, type, sigma,
      type, u.data, u.stride, type, v_transposed.data, v_transposed.stride, type, &device_bytes,
      &host_bytes));
  const Buffer<char> device_work(static_cast<int64_t>(device_bytes), queue_);
  std::vector<char> host_work(host_bytes);
  const Buffer<int> info(1, queue_);
  ANAGRAM_CUSOLVER_CALL(libraries().cusolverDnXgesvd(
      handle_, params_, economy, economy, a.rows, a.columns, type, a.data, a.stride, type, sigma,
      type, u.data, u.stride, type, v_transposed.data, v_transposed.stride, type,
      device_work.data(), device_bytes, host_work.data(), host_bytes, info.data()));
  const int found = read_back<int>(info.data(), 1, queue_).front();
  if (found < 0)
    ANAGRAM_CUSOLVER_INFO(found, "gesvd");
  return found == 0;
}

#define ANAGRAM_INSTANTIATE(T)                                                                     \
  template void Solver::geqrf(MatrixView<T>, T *) const;                                           \
  template void Solver::ormqr(Operation, MatrixView<const T>, const T *, MatrixView<T>) const;     \
  template void Solver::orgqr(MatrixView<T>, const T *) const;                                     \
  template void Solver::potrf(MatrixView<T>, int *) const;                                         \
  template bool Solver::gesvdp(MatrixView<T>, MatrixView<T>, T *, MatrixView<T>, double *) const;  \
  template bool Solver::gesvd(MatrixView<T>, MatrixView<T>, T *, MatrixView<T>) const;
ANAGRAM_INSTANTIATE(double)
ANAGRAM_INSTANTIATE(float)
#undef ANAGRAM_INSTANTIATE

} // namespace anagram::cuda
