// The inner loop of cpu/solver/embedding.hpp.
#pragma once

#include "anagram/simd.hpp"
#include "cpu/kernels.hpp"

namespace anagram::ANAGRAM_ISA_NAME {
namespace {

template <class T>
void add_to_sums(const int32_t *places, const T *factors, int64_t rows, const T *x,
                 int64_t x_stride, T *sums) {
  constexpr int64_t n = embedding_panel / n_lanes<T>; // registers of a row
  for (int64_t i = 0; i < rows; ++i, x += x_stride) {
    Vec<T> row[n];
    for (int64_t j = 0; j < n; ++j)
      row[j] = load<Vec<T>>(x + j * n_lanes<T>);
    for (int64_t b = 0; b < embedding_blocks; ++b, ++places, ++factors) {
      T *sum = sums + *places * embedding_panel;
      const Vec<T> factor = splat<Vec<T>>(*factors);
      for (int64_t j = 0; j < n; ++j)
        store(sum + j * n_lanes<T>, load<Vec<T>>(sum + j * n_lanes<T>) + factor * row[j]);
    }
  }
}

} // namespace
} // namespace anagram::ANAGRAM_ISA_NAME
