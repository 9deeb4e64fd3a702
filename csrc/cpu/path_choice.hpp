// Which path of the factorisation is faster on the host, and how it sketches.
#pragma once

#include "cpu/growing_qr.hpp"

#include <algorithm>
#include <cstdint>

namespace anagram {

template <class T> struct HostPaths {
  static constexpr std::int64_t block = GrowingQr<T>::block;

  // Up to this side an SVD is over before the range finder has begun.
  static constexpr std::int64_t always_dense = 48;

  // From this aspect ratio on, the triangle of the long side is much smaller than J.
  static bool is_long(std::int64_t short_side, std::int64_t long_side) {
    return 2 * long_side >= 3 * short_side;
  }

  // The rank beyond which products with J cost more than reducing a long one to a triangle, or than
  // an SVD of another one.
  static std::int64_t largest_rank_by_products(std::int64_t short_side, std::int64_t long_side) {
    if (short_side <= always_dense)
      return 0;
    if (!is_long(short_side, long_side))
      return short_side * 80 / 100;
    return std::min(short_side * 65 / 100, short_side * 30 / 100 + 48);
  }

  // The rank beyond which an SVD of the triangle is faster than products with it.
  static std::int64_t largest_rank_by_triangle(std::int64_t short_side, std::int64_t long_side) {
    return short_side > always_dense && is_long(short_side, long_side) ? short_side * 80 / 100 : 0;
  }

  // Columns of the first sketch.
  static std::int64_t sketch_width(std::int64_t short_side) {
    return std::clamp<std::int64_t>(short_side / 16 / block, 1, 2) * block;
  }

  // Of a J that is made by tiles.
  static constexpr std::int64_t tile_sketch_width = 8 * block;
};

} // namespace anagram
