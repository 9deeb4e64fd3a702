#include "cuda/runtime/status.hpp"

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

const char *cusolver_text(int status) {
  switch (status) {
  case 1:
    return "not initialised";
  case 2:
    return "allocation failed";
  case 3:
    return "invalid value";
  case 4:
    return "the device lacks a needed feature";
  case 6:
    return "the program failed to execute on the device";
  case 7:
    return "internal error";
  case 9:
    return "not supported";
  case 31:
    return "invalid workspace";
  default:
    return "unknown";
  }
}

[[noreturn]] void throw_failure(bool out_of_memory, const std::string &text) {
  if (out_of_memory)
    throw OutOfMemory(text);
  throw CudaError(text);
}

} // namespace

void check_cuda(cudaError_t status, const char *call, const char *file, int line) {
  if (status == cudaSuccess)
    return;
  (void)cudaGetLastError(); // an error that is reported here must not be found again elsewhere
  const std::string text = std::string("CUDA: ") + cudaGetErrorString(status) + " [" +
                           cudaGetErrorName(status) + "]" + place(call, file, line);
  throw_failure(status == cudaErrorMemoryAllocation, text);
}

void check_cublas(int status, const char *call, const char *file, int line) {
  if (status != 0)
    throw_failure(status == 3, std::string("cuBLAS: ") + cublas_text(status) + " [status " +
                                   std::to_string(status) + "]" + place(call, file, line));
}

void check_cusolver(int status, const char *call, const char *file, int line) {
  if (status != 0)
    throw_failure(status == 2, std::string("cuSOLVER: ") + cusolver_text(status) + " [status " +
                                   std::to_string(status) + "]" + place(call, file, line));
}

void check_cusolver_info(int info, const char *function, const char *file, int line) {
  if (info != 0)
    throw CudaError("cuSOLVER: " +
                    (info < 0 ? "argument " + std::to_string(-info) + " is wrong"
                              : std::string("no convergence")) +
                    " [info " + std::to_string(info) + "]" + place(function, file, line));
}

} // namespace anagram::cuda
