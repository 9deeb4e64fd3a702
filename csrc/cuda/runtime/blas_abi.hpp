// The functions of cuBLAS and cuSOLVER that are used, declared here so that neither their headers
// nor their libraries are needed to build or to import. abi_check.cpp compares these declarations
// with the vendor's headers wherever those exist.
#pragma once

#include <cstddef>
#include <cstdint>

namespace anagram::cuda {

using Handle = void *;

enum Operation : int { op_n = 0, op_t = 1 };
enum Side : int { side_left = 0, side_right = 1 };
enum Fill : int { fill_upper = 1 };
enum Diagonal : int { diagonal_any = 0 }; // not all ones
enum Vectors : int { with_vectors = 1 };

// cudaDataType
template <class T> constexpr int data_type = 0;
template <> inline constexpr int data_type<double> = 1;

#define ANAGRAM_CUBLAS_FUNCTIONS(X)                                                                \
  X(cublasCreate_v2, (Handle *))                                                                   \
  X(cublasDestroy_v2, (Handle))                                                                    \
  X(cublasSetStream_v2, (Handle, void *))                                                          \
  X(cublasGetVersion_v2, (Handle, int *))                                                          \
  X(cublasDgemm_v2, (Handle, int, int, int, int, int, const double *, const double *, int,         \
                     const double *, int, const double *, double *, int))                          \
  X(cublasSgemm_v2, (Handle, int, int, int, int, int, const float *, const float *, int,           \
                     const float *, int, const float *, float *, int))                             \
  X(cublasDgemv_v2, (Handle, int, int, int, const double *, const double *, int, const double *,   \
                     int, const double *, double *, int))                                          \
  X(cublasSgemv_v2, (Handle, int, int, int, const float *, const float *, int, const float *, int, \
                     const float *, float *, int))                                                 \
  X(cublasDtrsm_v2,                                                                                \
    (Handle, int, int, int, int, int, int, const double *, const double *, int, double *, int))    \
  X(cublasStrsm_v2,                                                                                \
    (Handle, int, int, int, int, int, int, const float *, const float *, int, float *, int))

// Legacy 32-bit functions: cuSOLVER's 64-bit ones lack ormqr.
#define ANAGRAM_CUSOLVER_QR_FUNCTIONS(X, D, T)                                                     \
  X(cusolverDn##D##geqrf_bufferSize, (Handle, int, int, T *, int, int *))                          \
  X(cusolverDn##D##geqrf, (Handle, int, int, T *, int, T *, T *, int, int *))                      \
  X(cusolverDn##D##ormqr_bufferSize,                                                               \
    (Handle, int, int, int, int, int, const T *, int, const T *, const T *, int, int *))           \
  X(cusolverDn##D##ormqr,                                                                          \
    (Handle, int, int, int, int, int, const T *, int, const T *, T *, int, T *, int, int *))       \
  X(cusolverDn##D##orgqr_bufferSize, (Handle, int, int, int, const T *, int, const T *, int *))    \
  X(cusolverDn##D##orgqr, (Handle, int, int, int, T *, int, const T *, T *, int, int *))           \
  X(cusolverDn##D##potrf_bufferSize, (Handle, int, int, T *, int, int *))                          \
  X(cusolverDn##D##potrf, (Handle, int, int, T *, int, T *, int, int *))

#define ANAGRAM_CUSOLVER_FUNCTIONS(X)                                                              \
  X(cusolverGetVersion, (int *))                                                                   \
  X(cusolverDnCreate, (Handle *))                                                                  \
  X(cusolverDnDestroy, (Handle))                                                                   \
  X(cusolverDnSetStream, (Handle, void *))                                                         \
  X(cusolverDnCreateParams, (Handle *))                                                            \
  X(cusolverDnDestroyParams, (Handle))                                                             \
  X(cusolverDnXgesvd_bufferSize, (Handle, Handle, signed char, signed char, int64_t, int64_t, int, \
                                  const void *, int64_t, int, const void *, int, const void *,     \
                                  int64_t, int, const void *, int64_t, int, size_t *, size_t *))   \
  X(cusolverDnXgesvd, (Handle, Handle, signed char, signed char, int64_t, int64_t, int, void *,    \
                       int64_t, int, void *, int, void *, int64_t, int, void *, int64_t, int,      \
                       void *, size_t, void *, size_t, int *))                                     \
  X(cusolverDnXgesvdp_bufferSize,                                                                  \
    (Handle, Handle, int, int, int64_t, int64_t, int, const void *, int64_t, int, const void *,    \
     int, const void *, int64_t, int, const void *, int64_t, int, size_t *, size_t *))             \
  X(cusolverDnXgesvdp,                                                                             \
    (Handle, Handle, int, int, int64_t, int64_t, int, void *, int64_t, int, void *, int, void *,   \
     int64_t, int, void *, int64_t, int, void *, size_t, void *, size_t, int *, double *))         \
  ANAGRAM_CUSOLVER_QR_FUNCTIONS(X, D, double)                                                      \
  ANAGRAM_CUSOLVER_QR_FUNCTIONS(X, S, float)

} // namespace anagram::cuda
