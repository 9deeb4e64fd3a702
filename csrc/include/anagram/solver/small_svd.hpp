// SVD of the small square factor that every path ends with.
#pragma once

#include "anagram/solver/basis.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace anagram {

template <class Linalg> struct SmallSvd {
  OrthonormalBasis<Linalg> left;              // [n, k]
  std::vector<typename Linalg::Scalar> sigma; // [k], descending
  OrthonormalBasis<Linalg> right;             // [n, k]

  // Drops the singular values <= level, but never the largest one.
  void keep_above(double level) {
    std::size_t count = 1;
    while (count < sigma.size() && static_cast<double>(sigma[count]) > level)
      ++count;
    sigma.resize(count);
    left.keep_columns(static_cast<std::int64_t>(count));
    right.keep_columns(static_cast<std::int64_t>(count));
  }
};

} // namespace anagram
