// SVD of the small square factor that every path ends with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace anagram {

template <class T, class Matrix> struct SmallSvd {
  Matrix u;             // [n, k]
  std::vector<T> sigma; // [k], descending
  Matrix v;             // [n, k]

  // Drops the singular values <= level, but never the largest one.
  void keep_above(double level) {
    std::size_t count = 1;
    while (count < sigma.size() && static_cast<double>(sigma[count]) > level)
      ++count;
    sigma.resize(count);
    u.keep_columns(static_cast<std::int64_t>(count));
    v.keep_columns(static_cast<std::int64_t>(count));
  }
};

} // namespace anagram
