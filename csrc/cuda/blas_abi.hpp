// The functions of cuBLAS and cuSOLVER that are used, declared here so that neither their headers
// nor their libraries are needed to build or to import. abi_check.cpp compares these declarations
// with the vendor's headers wherever those exist.
#pragma once

#include <cstdint>

namespace anagram::cuda {

using Handle = void *;

enum Operation : int { op_n = 0, op_t = 1 };

#define ANAGRAM_CUBLAS_FUNCTIONS(X)                                                                \
  X(cublasCreate_v2, (Handle *))                                                                   \
  X(cublasDestroy_v2, (Handle))                                                                    \
  X(cublasSetStream_v2, (Handle, void *))                                                          \
  X(cublasGetVersion_v2, (Handle, int *))                                                          \
  X(cublasDgemm_v2, (Handle, int, int, int, int, int, const double *, const double *, int,         \
                     const double *, int, const double *, double *, int))                          \
  X(cublasSgemm_v2, (Handle, int, int, int, int, int, const float *, const float *, int,           \
                     const float *, int, const float *, float *, int))

#define ANAGRAM_CUSOLVER_FUNCTIONS(X)                                                              \
  X(cusolverGetVersion, (int *))                                                                   \
  X(cusolverDnCreate, (Handle *))                                                                  \
  X(cusolverDnDestroy, (Handle))                                                                   \
  X(cusolverDnSetStream, (Handle, void *))

} // namespace anagram::cuda
