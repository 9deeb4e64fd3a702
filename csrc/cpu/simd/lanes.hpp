// Loops over a padded row of neurons.
#pragma once

#include "anagram/simd.hpp"

namespace anagram::ANAGRAM_ISA_NAME {
namespace {

// Calls body(V{}, j) for the neurons j of a padded row: two registers at a time, then one.
template <class T, class Body> ANAGRAM_INLINE void for_lanes(int64_t pad, Body body) {
  int64_t j = 0;
  for (; j + 2 * n_lanes<T> <= pad; j += 2 * n_lanes<T>)
    body(Pair<T>{}, j);
  if (j < pad)
    body(Vec<T>{}, j);
}

template <class T> T dot(const T *a, const T *b, int64_t n_padded) {
  Vec<T> sum = splat<Vec<T>>(T(0));
  for (int64_t j = 0; j < n_padded; j += n_lanes<T>)
    sum += load<Vec<T>>(a + j) * load<Vec<T>>(b + j);
  return sum_lanes<T>(sum);
}

} // namespace
} // namespace anagram::ANAGRAM_ISA_NAME
