// Which path of the factorisation is faster on the host, and how it sketches.
#pragma once

#include "cpu/growing_qr.hpp"

#include <algorithm>
#include <cstdint>

namespace anagram {

template <class T> struct HostPaths {
  static constexpr std::int64_t block = GrowingQr<T>::block;

  // Up to this side the dense path is over before the range finder has begun.
  static constexpr std::int64_t always_dense = 48;

  // The rank beyond which the dense path is faster: 83 % of the side of a square matrix, falling to
  // 55 % of the short side of a long one, whose dense path is mostly a QR. Finding out that the
  // rank is higher costs three tenths of the dense path at most.
  static std::int64_t largest_adaptive_rank(std::int64_t short_side, std::int64_t long_side) {
    return short_side * 55 / 100 + short_side * short_side * 28 / (100 * long_side);
  }

  // Width of a sketch, in blocks of the growing QR: a sixteenth of the side, one or two blocks.
  static std::int64_t sketch_width(std::int64_t short_side) {
    return block * std::clamp<std::int64_t>(short_side / 16 / block, 1, 2);
  }

  // Of a J that is made by tiles.
  static constexpr std::int64_t tile_sketch_width = 8 * block;
};

} // namespace anagram
