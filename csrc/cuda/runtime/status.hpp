// Every status of the CUDA libraries becomes an exception that names the call, its file and line.
#pragma once

#include <cuda_runtime_api.h>

#include <stdexcept>
#include <string>

namespace anagram::cuda {

class CudaError : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

class OutOfMemory : public CudaError {
public:
  using CudaError::CudaError;
};

void check_cuda(cudaError_t status, const char *call, const char *file, int line);
void check_cublas(int status, const char *call, const char *file, int line);
void check_cusolver(int status, const char *call, const char *file, int line);
// `info` is what a function of cuSOLVER left in device memory.
void check_cusolver_info(int info, const char *function, const char *file, int line);

// A failure that nobody can do anything about, such as that of giving back. The runtime remembers
// it as the last error of the thread, where the next launch would take it for its own.
inline void ignored(cudaError_t status) noexcept {
  if (status != cudaSuccess)
    (void)cudaGetLastError();
}

} // namespace anagram::cuda

#define ANAGRAM_CUDA(call) ::anagram::cuda::check_cuda(call, #call, __FILE__, __LINE__)
#define ANAGRAM_CUBLAS_CALL(call) ::anagram::cuda::check_cublas(call, #call, __FILE__, __LINE__)
#define ANAGRAM_CUSOLVER_CALL(call) ::anagram::cuda::check_cusolver(call, #call, __FILE__, __LINE__)
#define ANAGRAM_CUSOLVER_INFO(info, function)                                                      \
  ::anagram::cuda::check_cusolver_info(info, function, __FILE__, __LINE__)
