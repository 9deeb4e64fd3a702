// Random numbers that depend on their position alone: any thread may make any part of a matrix.
#pragma once

#include "anagram/macros.hpp"

#include <cstdint>

namespace anagram {

// The mixing steps of SplitMix64 (Steele, Lea & Flood, OOPSLA 2014).
ANAGRAM_HD inline std::uint64_t random_bits(std::uint64_t seed, std::uint64_t index) {
  std::uint64_t z = (seed << 40) + (index + 1) * 0x9e3779b97f4a7c15ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

// Uniform on (-sqrt 3, sqrt 3): mean 0, variance 1. For sketching it serves as well as a normal
// deviate and costs no logarithm.
ANAGRAM_HD inline double random_entry(std::uint64_t seed, std::uint64_t index) {
  constexpr double sqrt3 = 1.7320508075688772;
  const double unit = static_cast<double>(random_bits(seed, index) >> 11) * 0x1p-53; // [0, 1)
  return (2 * unit - 1) * sqrt3;
}

} // namespace anagram
