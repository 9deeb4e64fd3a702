// Size of a matrix, and what is thrown when not everything in it is finite.
#pragma once

#include "anagram/macros.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>

namespace anagram {

// Input holds a NaN or an infinity. Raised before LAPACK sees it, which may not return from NaN.
class NonFiniteInput : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

[[noreturn]] inline void throw_non_finite(const char *name, std::int64_t row, std::int64_t column,
                                          double value) {
  throw NonFiniteInput(std::string(name) + ": element [" + std::to_string(row) + ", " +
                       std::to_string(column) + "] is " + std::to_string(value));
}

struct Magnitude {
  double largest = 0;        // max |a|
  double sum_of_squares = 0; // may overflow or vanish: `largest` tells

  ANAGRAM_HD Magnitude &operator+=(const Magnitude &other) {
    largest = other.largest > largest ? other.largest : largest;
    sum_of_squares += other.sum_of_squares;
    return *this;
  }
};

// The power of two that brings `largest` near one, or 1 when squares of such numbers neither
// overflow nor vanish anyway: then no copy is needed.
template <class T> double safe_scale(double largest) {
  using Limits = std::numeric_limits<T>;
  const double tiny = std::sqrt(static_cast<double>(Limits::min())) / Limits::epsilon();
  if (largest == 0 || (largest > tiny && largest < 1 / tiny))
    return 1;
  int exponent = 0;
  std::frexp(largest, &exponent);
  // 2^-exponent itself overflows for subnormal input: the largest power is close enough.
  return std::ldexp(1.0, std::min(-exponent, Limits::max_exponent - 1));
}

} // namespace anagram
