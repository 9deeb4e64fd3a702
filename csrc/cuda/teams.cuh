// Threads of a block and of a grid as teams. The host half of each member is never called; it keeps
// functions that host and device share free of device-only calls.
#pragma once

#include "anagram/macros.hpp"

namespace anagram::cuda {

struct BlockTeam {
#ifdef __CUDA_ARCH__
  ANAGRAM_HD int rank() const { return static_cast<int>(threadIdx.x); }
  ANAGRAM_HD int size() const { return static_cast<int>(blockDim.x); }
  ANAGRAM_HD void sync() const { __syncthreads(); }
#else
  ANAGRAM_HD int rank() const { return 0; }
  ANAGRAM_HD int size() const { return 1; }
  ANAGRAM_HD void sync() const {}
#endif
};

// No barrier: a grid runs one step a launch.
struct GridTeam {
#ifdef __CUDA_ARCH__
  ANAGRAM_HD int rank() const { return static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x); }
  ANAGRAM_HD int size() const { return static_cast<int>(gridDim.x * blockDim.x); }
#else
  ANAGRAM_HD int rank() const { return 0; }
  ANAGRAM_HD int size() const { return 1; }
#endif
};

} // namespace anagram::cuda
