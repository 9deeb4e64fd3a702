// One affine layer of a network, for host and device.
#pragma once

#include <cstdint>

#include "anagram/macros.hpp"

namespace anagram {

// Buffers of a tile take even numbers of elements: each then begins where pairs of them may.
ANAGRAM_HD inline int64_t even(int64_t count) { return count + count % 2; }

// z = W h + b
struct LayerShape {
  int n_in, n_out;
  int64_t offset;        // of W [n_out, n_in] in theta; b [n_out] follows
  int64_t inputs_before; // sum of n_in, each rounded up to even, over the layers before this one

  ANAGRAM_HD int64_t bias() const { return offset + static_cast<int64_t>(n_out) * n_in; }
  ANAGRAM_HD int64_t end() const { return bias() + n_out; } // of b in theta
};

} // namespace anagram
