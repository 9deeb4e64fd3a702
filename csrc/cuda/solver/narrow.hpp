// 64-bit sizes for the 32-bit integers of cuBLAS and cuSOLVER.
#pragma once

#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>

namespace anagram::cuda {

inline int narrow(int64_t size) {
  if (size > std::numeric_limits<int>::max())
    throw std::length_error("a matrix side or workspace of " + std::to_string(size) +
                            " does not fit the 32-bit integers of cuBLAS and cuSOLVER");
  return static_cast<int>(size);
}

} // namespace anagram::cuda
