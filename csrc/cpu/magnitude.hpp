// Size of a matrix, and the check that everything in it is finite.
#pragma once

#include "anagram/solver/matrix.hpp"

#include <stdexcept>

namespace anagram {

// Input holds a NaN or an infinity. Raised before LAPACK sees it, which may not return from NaN.
class NonFiniteInput : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

struct Magnitude {
  double largest = 0;        // max |a|
  double sum_of_squares = 0; // may overflow or vanish: `largest` tells
};

// Of a row-major matrix [rows, columns], given as its transpose. Throws NonFiniteInput naming
// `name` and the element, whose row counts from `first_row`.
template <class T>
Magnitude checked_magnitude(MatrixView<const T> transposed, const char *name,
                            std::int64_t first_row = 0);

extern template Magnitude checked_magnitude(MatrixView<const double>, const char *, std::int64_t);
extern template Magnitude checked_magnitude(MatrixView<const float>, const char *, std::int64_t);

} // namespace anagram
