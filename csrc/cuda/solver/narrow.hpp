// 64-bit sizes for the 32-bit integers of cuBLAS, cuSOLVER and kernels.
#pragma once

#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>

#include "anagram/solver/matrix.hpp"

namespace anagram::cuda {

inline int narrow(int64_t size) {
  if (size > std::numeric_limits<int>::max())
    throw std::length_error("a matrix side or workspace of " + std::to_string(size) +
                            " does not fit the 32-bit integers of cuBLAS and cuSOLVER");
  return static_cast<int>(size);
}

// A matrix for a kernel, which counts in 32 bits and adds up two sides at most.
template <class T> MatrixView<T> counted(MatrixView<T> a) {
  narrow(2 * a.rows);
  narrow(2 * a.columns);
  return a;
}

} // namespace anagram::cuda
