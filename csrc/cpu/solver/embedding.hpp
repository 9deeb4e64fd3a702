// A sparse random embedding: J with its long side shortened, for sketches that cost next to
// nothing.
//
// Omega [m, long] has eight entries of equal size and random sign in each column, one in each of
// eight blocks of rows (OSNAP: Nelson & Nguyen, FOCS 2013). Up to a rank of m / 2, Omega J has the
// row space of J, and no direction comes out much larger or smaller than in J: it does not matter
// whether few rows of J or all of them carry it.
#pragma once

#include "anagram/solver/matrix.hpp"

#include <cstdint>

namespace anagram {

// The transpose of Omega J (S >= P) or of J Omega^T (S < P), from J^T [P, S]. `length` = m is a
// multiple of 8. Deterministic.
template <class T> HostMatrix<T> embedded(MatrixView<const T> j_transposed, std::int64_t length);

extern template HostMatrix<double> embedded(MatrixView<const double>, std::int64_t);
extern template HostMatrix<float> embedded(MatrixView<const float>, std::int64_t);

} // namespace anagram
