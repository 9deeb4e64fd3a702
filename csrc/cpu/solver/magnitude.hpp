// Size of a matrix on the host, and the check that everything in it is finite.
#pragma once

#include "anagram/solver/magnitude.hpp"
#include "anagram/solver/matrix.hpp"

namespace anagram {

// Of a row-major matrix [rows, columns], given as its transpose. Throws NonFiniteInput naming
// `name` and the element, whose row counts from `first_row`.
template <class T>
Magnitude checked_magnitude(MatrixView<const T> transposed, const char *name,
                            std::int64_t first_row = 0);

extern template Magnitude checked_magnitude(MatrixView<const double>, const char *, std::int64_t);
extern template Magnitude checked_magnitude(MatrixView<const float>, const char *, std::int64_t);

} // namespace anagram
