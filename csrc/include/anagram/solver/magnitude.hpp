// Size of a matrix, and what is thrown when not everything in it is finite.
#pragma once

#include "anagram/macros.hpp"

#include <cstdint>
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

} // namespace anagram
