// Which path of the factorisation is faster on the host, and how it sketches.
#pragma once

#include "cpu/solver/growing_qr.hpp"

#include <algorithm>
#include <cstdint>

namespace anagram {

template <class T> struct HostPaths {
  static constexpr std::int64_t block = GrowingQr<T>::block;

  // Up to this side an SVD is over before the range finder has begun.
  static constexpr std::int64_t always_dense = 48;

  // The rank beyond which an SVD is faster than products with J.
  static std::int64_t largest_rank_by_products(std::int64_t short_side) {
    return short_side > always_dense ? short_side * 80 / 100 : 0;
  }

  // Columns of the first sketch.
  static std::int64_t sketch_width(std::int64_t short_side) {
    return std::clamp<std::int64_t>(short_side / 16 / block, 1, 2) * block;
  }

  // J is measured before anything else reads it: LAPACK may not return from NaN.
  static constexpr bool looks_late = false;

  // The long side of J after an embedding for sketches of up to `rank` columns; 0 when that would
  // not make it much shorter, or J is so small that it does not matter.
  static constexpr bool embeds = true;
  static std::int64_t embedded_length(std::int64_t rank, std::int64_t short_side,
                                      std::int64_t long_side) {
    constexpr std::int64_t shortest = 128, longest = 768, small = 1 << 16;
    const std::int64_t wanted = std::clamp(2 * rank, shortest, longest);
    const std::int64_t length = std::min(wanted, long_side / 3) / 8 * 8;
    return short_side * long_side > small && length >= shortest ? length : 0;
  }

  // Columns of a sketch after which an embedding has little left to tell.
  static std::int64_t largest_rank_in(std::int64_t embedded_length) { return embedded_length / 2; }

  // Of a J that is made by tiles.
  static constexpr std::int64_t tile_sketch_width = 8 * block;
};

} // namespace anagram
