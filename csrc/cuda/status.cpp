#include "status.hpp"

#include <cstring>

namespace anagram::cuda {
namespace {

std::string place(const char *call, const char *file, int line) {
  const char *name = std::strrchr(file, '/');
  return std::string(" in ") + call + " (" + (name ? name + 1 : file) + ":" + std::to_string(line) +
         ")";
}

const char *cublas_text(int status) {
  switch (status) {
  case 1:
    return "not initialised";
  case 3:
    return "allocation failed";
  case 7:
    return "invalid value";
  case 8:
    return "the device lacks a needed feature";
  case 11:
    return "access to device memory failed";
  case 13:
    return "the program failed to execute on the device";
  case 14:
    return "internal error";
  case 15:
    return "not supported";
  default:
    return "unknown";
  }
}

} // namespace

void check_cuda(cudaError_t status, const char *call, const char *file, int line) {
  if (status == cudaSuccess)
    return;
  (void)cudaGetLastError(); // an error that is reported here must not be found again elsewhere
  const std::string text = std::string("CUDA: ") + cudaGetErrorString(status) + " [" +
                           cudaGetErrorName(status) + "]" + place(call, file, line);
  if (status == cudaErrorMemoryAllocation)
    throw OutOfMemory(text);
  throw CudaError(text);
}

void check_cublas(int status, const char *call, const char *file, int line) {
  if (status != 0)
    throw CudaError(std::string("cuBLAS: ") + cublas_text(status) + " [status " +
                    std::to_string(status) + "]" + place(call, file, line));
}

} // namespace anagram::cuda
