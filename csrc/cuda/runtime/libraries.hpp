// cuBLAS and cuSOLVER, found at run time.
#pragma once

#include <string>
#include <vector>

#include "cuda/runtime/blas_abi.hpp"

namespace anagram::cuda {

struct Libraries {
#define ANAGRAM_MEMBER(name, arguments) int(*name) arguments = nullptr;
  ANAGRAM_CUBLAS_FUNCTIONS(ANAGRAM_MEMBER)
  ANAGRAM_CUSOLVER_FUNCTIONS(ANAGRAM_MEMBER)
#undef ANAGRAM_MEMBER
  std::string cublas_path, cusolver_path;
};

// Candidates are sonames or full paths, best first. A copy that the process has mapped already
// (torch's) wins over all of them. `preload` is mapped before, missing ones are skipped: what
// cuBLAS and cuSOLVER depend on then comes from the same folder, whatever LD_LIBRARY_PATH says.
// Returns "" or the reason of the failure, in the loader's words.
std::string load_libraries(const std::vector<std::string> &preload,
                           const std::vector<std::string> &cublas,
                           const std::vector<std::string> &cusolver);

const Libraries &libraries(); // throws CudaError when not loaded

} // namespace anagram::cuda
