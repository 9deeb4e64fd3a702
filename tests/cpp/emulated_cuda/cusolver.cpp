// The functions of cuSOLVER in use, by the host's LAPACK. They work in the workspace that they are
// given and refuse one that is smaller than what the query answers.
#include "library_call.hpp"

#include <cstring>

namespace emulated_cuda {
namespace {

template <class T> std::string name_of(const std::string &function) {
  return std::string("cusolverDn") + (sizeof(T) == 8 ? "D" : "S") + function;
}

// `function(work, size, info)` calls LAPACK; size -1 asks for the size.
template <class T, class Function> int workspace_of(const Function &function) {
  T size = 0;
  int info = 0;
  function(&size, -1, &info);
  return static_cast<int>(size) + 1;
}

template <class T, class Function>
void run(const Checks &check, T *work, int size, int *info, const Function &function) {
  check.vector(info, 1);
  check.value(size >= workspace_of<T>(function), "workspace smaller than asked for");
  check.vector(work, size);
  function(work, size, info);
  if (const int planted = take_info(check.function))
    *info = planted;
}

template <class T> auto geqrf(int m, int n, T *a, int lda, T *scales) {
  return [=](T *work, int size, int *info) {
    lapack<T>("geqrf", &m, &n, a, &lda, scales, work, &size, info);
  };
}

template <class T>
auto ormqr(int op, int m, int n, int k, const T *a, int lda, const T *scales, T *c, int ldc) {
  return [=](T *work, int size, int *info) {
    const char side = 'L', transpose = letter(op);
    lapack<T>("ormqr", &side, &transpose, &m, &n, &k, a, &lda, scales, c, &ldc, work, &size, info);
  };
}

template <class T> auto orgqr(int m, int n, int k, T *a, int lda, const T *scales) {
  return [=](T *work, int size, int *info) {
    lapack<T>("orgqr", &m, &n, &k, a, &lda, scales, work, &size, info);
  };
}

template <class T> int geqrf_size(Handle handle, int m, int n, T *a, int lda, int *size) {
  return call(name_of<T>("geqrf_bufferSize"), Kind::solver, handle, [&](const Checks &check) {
    check.matrix(a, m, n, lda);
    check.host(size);
    *size = workspace_of<T>(geqrf<T>(m, n, a, lda, nullptr));
  });
}

template <class T>
int run_geqrf(Handle handle, int m, int n, T *a, int lda, T *scales, T *work, int size, int *info) {
  return call(name_of<T>("geqrf"), Kind::solver, handle, [&](const Checks &check) {
    check.matrix(a, m, n, lda);
    check.vector(scales, std::min(m, n));
    run(check, work, size, info, geqrf(m, n, a, lda, scales));
  });
}

// C is const in the query and T otherwise.
template <class T, class C>
void check_ormqr(const Checks &check, int side, int op, int m, int n, int k, const T *a, int lda,
                 const T *scales, C *c, int ldc) {
  check.value(side == anagram::cuda::side_left && (op == 0 || op == 1), "side or operation");
  check.value(k >= 0 && k <= m, "more reflectors than rows");
  check.matrix(a, m, k, lda);
  check.vector(scales, k);
  check.matrix(c, m, n, ldc);
}

template <class T>
int ormqr_size(Handle handle, int side, int op, int m, int n, int k, const T *a, int lda,
               const T *scales, const T *c, int ldc, int *size) {
  return call(name_of<T>("ormqr_bufferSize"), Kind::solver, handle, [&](const Checks &check) {
    check_ormqr(check, side, op, m, n, k, a, lda, scales, c, ldc);
    check.host(size);
    *size = workspace_of<T>(ormqr(op, m, n, k, a, lda, scales, const_cast<T *>(c), ldc));
  });
}

template <class T>
int run_ormqr(Handle handle, int side, int op, int m, int n, int k, const T *a, int lda,
              const T *scales, T *c, int ldc, T *work, int size, int *info) {
  return call(name_of<T>("ormqr"), Kind::solver, handle, [&](const Checks &check) {
    check_ormqr(check, side, op, m, n, k, a, lda, scales, c, ldc);
    run(check, work, size, info, ormqr(op, m, n, k, a, lda, scales, c, ldc));
  });
}

template <class T>
int orgqr_size(Handle handle, int m, int n, int k, const T *a, int lda, const T *scales,
               int *size) {
  return call(name_of<T>("orgqr_bufferSize"), Kind::solver, handle, [&](const Checks &check) {
    check.value(n <= m && k <= n, "more columns than rows");
    check.matrix(a, m, n, lda);
    check.vector(scales, k);
    check.host(size);
    *size = workspace_of<T>(orgqr(m, n, k, const_cast<T *>(a), lda, scales));
  });
}

template <class T>
int run_orgqr(Handle handle, int m, int n, int k, T *a, int lda, const T *scales, T *work, int size,
              int *info) {
  return call(name_of<T>("orgqr"), Kind::solver, handle, [&](const Checks &check) {
    check.value(n <= m && k <= n, "more columns than rows");
    check.matrix(a, m, n, lda);
    check.vector(scales, k);
    run(check, work, size, info, orgqr(m, n, k, a, lda, scales));
  });
}

// LAPACK needs no workspace; the emulated device asks for one.
constexpr int potrf_work = 7;

template <class T> int potrf_size(Handle handle, int fill, int n, T *a, int lda, int *size) {
  return call(name_of<T>("potrf_bufferSize"), Kind::solver, handle, [&](const Checks &check) {
    check.value(fill == 0 || fill == 1, "triangle");
    check.matrix(a, n, n, lda);
    check.host(size);
    *size = potrf_work;
  });
}

template <class T>
int run_potrf(Handle handle, int fill, int n, T *a, int lda, T *work, int size, int *info) {
  return call(name_of<T>("potrf"), Kind::solver, handle, [&](const Checks &check) {
    check.value(fill == 0 || fill == 1, "triangle");
    check.matrix(a, n, n, lda);
    check.vector(info, 1);
    check.value(size >= potrf_work, "workspace smaller than asked for");
    check.vector(work, size);
    const char fill_ = fill ? 'U' : 'L';
    lapack<T>("potrf", &fill_, &n, a, &lda, info);
    if (const int planted = take_info(check.function))
      *info = planted;
  });
}

constexpr size_t host_bytes = 100; // a workspace on the host that must be there

// f(zero of the type that the four data types name, checks), if they agree.
template <class Typed>
int call_gesvd(const char *name, Handle handle, Handle params, int64_t m, int64_t n, int type,
               std::initializer_list<int> others, const Typed &typed) {
  return call(name, Kind::solver, handle, [&](const Checks &check) {
    check.value(usable(params, Kind::params), "no params");
    check.value(m >= n && n >= 0, "fewer rows than columns");
    for (const int other : others)
      check.value(other == type, "different types");
    if (type == anagram::cuda::data_type<double>)
      typed(check, double{});
    else
      typed(check, float{});
  });
}

template <class T>
auto gesvd(signed char job_u, signed char job_v, int64_t m_, int64_t n_, T *a, int64_t lda_, T *s,
           T *u, int64_t ldu_, T *vt, int64_t ldvt_) {
  return [=](T *work, int size, int *info) {
    const int m = static_cast<int>(m_), n = static_cast<int>(n_), lda = static_cast<int>(lda_);
    const int ldu = static_cast<int>(ldu_), ldvt = static_cast<int>(ldvt_);
    const char ju = static_cast<char>(job_u), jv = static_cast<char>(job_v);
    lapack<T>("gesvd", &ju, &jv, &m, &n, a, &lda, s, u, &ldu, vt, &ldvt, work, &size, info);
  };
}

int gesvd_size(Handle handle, Handle params, signed char job_u, signed char job_v, int64_t m,
               int64_t n, int type, const void *, int64_t lda, int type_s, const void *, int type_u,
               const void *, int64_t ldu, int type_v, const void *, int64_t ldvt, int type_of_work,
               size_t *device_size, size_t *host_size) {
  return call_gesvd("cusolverDnXgesvd_bufferSize", handle, params, m, n, type,
                    {type_s, type_u, type_v, type_of_work}, [&](const Checks &check, auto zero) {
                      using T = decltype(zero);
                      T *none = nullptr;
                      check.host(device_size);
                      check.host(host_size);
                      *host_size = host_bytes;
                      *device_size =
                          sizeof(T) *
                          static_cast<size_t>(workspace_of<T>(
                              gesvd(job_u, job_v, m, n, none, lda, none, none, ldu, none, ldvt)));
                    });
}

int run_gesvd(Handle handle, Handle params, signed char job_u, signed char job_v, int64_t m,
              int64_t n, int type, void *a, int64_t lda, int type_s, void *s, int type_u, void *u,
              int64_t ldu, int type_v, void *vt, int64_t ldvt, int type_of_work, void *work,
              size_t device_size, void *host_work, size_t host_size, int *info) {
  return call_gesvd("cusolverDnXgesvd", handle, params, m, n, type,
                    {type_s, type_u, type_v, type_of_work}, [&](const Checks &check, auto zero) {
                      using T = decltype(zero);
                      T *const a_ = static_cast<T *>(a), *const s_ = static_cast<T *>(s);
                      T *const u_ = static_cast<T *>(u), *const vt_ = static_cast<T *>(vt);
                      check.value(job_u == 'S' && job_v == 'S', "job");
                      check.matrix(a_, m, n, lda);
                      check.vector(s_, n);
                      check.matrix(u_, m, n, ldu);
                      check.matrix(vt_, n, n, ldvt);
                      check.host(host_work);
                      check.value(host_size >= host_bytes, "host workspace smaller than asked for");
                      std::memset(host_work, 1, host_size);
                      run(check, static_cast<T *>(work), static_cast<int>(device_size / sizeof(T)),
                          info, gesvd(job_u, job_v, m, n, a_, lda, s_, u_, ldu, vt_, ldvt));
                    });
}

// By gesvd, whose V^T is turned over. The workspace has room for V^T.
template <class T> size_t gesvdp_work(int64_t n) {
  T *none = nullptr;
  return static_cast<size_t>(
      workspace_of<T>(gesvd<T>('S', 'S', n, n, none, n, none, none, n, none, n)));
}

int gesvdp_size(Handle handle, Handle params, int vectors, int economy, int64_t m, int64_t n,
                int type, const void *, int64_t, int type_s, const void *, int type_u, const void *,
                int64_t, int type_v, const void *, int64_t, int type_of_work, size_t *device_size,
                size_t *host_size) {
  return call_gesvd("cusolverDnXgesvdp_bufferSize", handle, params, m, n, type,
                    {type_s, type_u, type_v, type_of_work}, [&](const Checks &check, auto zero) {
                      using T = decltype(zero);
                      check.value(vectors == 1 && economy == 1 && m == n, "job");
                      check.host(device_size);
                      check.host(host_size);
                      *host_size = host_bytes;
                      *device_size = sizeof(T) * (gesvdp_work<T>(n) + static_cast<size_t>(n * n));
                    });
}

int run_gesvdp(Handle handle, Handle params, int vectors, int economy, int64_t m, int64_t n,
               int type, void *a, int64_t lda, int type_s, void *s, int type_u, void *u,
               int64_t ldu, int type_v, void *v, int64_t ldv, int type_of_work, void *work,
               size_t device_size, void *host_work, size_t host_size, int *info,
               double *perturbation) {
  return call_gesvd(
      "cusolverDnXgesvdp", handle, params, m, n, type, {type_s, type_u, type_v, type_of_work},
      [&](const Checks &check, auto zero) {
        using T = decltype(zero);
        T *const a_ = static_cast<T *>(a), *const s_ = static_cast<T *>(s);
        T *const u_ = static_cast<T *>(u), *const v_ = static_cast<T *>(v);
        check.value(vectors == 1 && economy == 1 && m == n, "job");
        check.matrix(a_, m, n, lda);
        check.vector(s_, n);
        check.matrix(u_, m, n, ldu);
        check.matrix(v_, n, n, ldv);
        check.host(host_work);
        check.host(perturbation);
        check.value(host_size >= host_bytes, "host workspace smaller than asked for");
        const size_t size = device_size / sizeof(T), square = static_cast<size_t>(n * n);
        check.value(size >= gesvdp_work<T>(n) + square, "workspace smaller than asked for");
        T *const vt = static_cast<T *>(work), *const rest = vt + square;
        run(check, rest, static_cast<int>(size - square), info,
            gesvd<T>('S', 'S', m, n, a_, lda, s_, u_, ldu, vt, n));
        for (int64_t j = 0; j < n; ++j)
          for (int64_t i = 0; i < n; ++i)
            v_[j * ldv + i] = vt[i * n + j];
        // Planted as an info, in round-offs of the largest singular value.
        *perturbation = take_info("perturbation") * 2.2e-16 * static_cast<double>(s_[0]);
      });
}

} // namespace

void fill_cusolver(Libraries &table) {
  table.cusolverDnCreate = [](Handle *handle) { return create(handle, Kind::solver); };
  table.cusolverDnDestroy = [](Handle handle) { return destroy(handle, Kind::solver); };
  table.cusolverDnCreateParams = [](Handle *params) { return create(params, Kind::params); };
  table.cusolverDnDestroyParams = [](Handle params) { return destroy(params, Kind::params); };
  table.cusolverDnSetStream = [](Handle handle, void *stream) {
    return set_stream(handle, Kind::solver, stream);
  };
  table.cusolverDnXgesvd_bufferSize = gesvd_size;
  table.cusolverDnXgesvd = run_gesvd;
  table.cusolverDnXgesvdp_bufferSize = gesvdp_size;
  table.cusolverDnXgesvdp = run_gesvdp;
#define EMULATED_QR(T, letter)                                                                     \
  table.cusolverDn##letter##geqrf_bufferSize = geqrf_size<T>;                                      \
  table.cusolverDn##letter##geqrf = run_geqrf<T>;                                                  \
  table.cusolverDn##letter##ormqr_bufferSize = ormqr_size<T>;                                      \
  table.cusolverDn##letter##ormqr = run_ormqr<T>;                                                  \
  table.cusolverDn##letter##orgqr_bufferSize = orgqr_size<T>;                                      \
  table.cusolverDn##letter##orgqr = run_orgqr<T>;                                                  \
  table.cusolverDn##letter##potrf_bufferSize = potrf_size<T>;                                      \
  table.cusolverDn##letter##potrf = run_potrf<T>;
  EMULATED_QR(double, D)
  EMULATED_QR(float, S)
}

} // namespace emulated_cuda
