#include "cpu/magnitude.hpp"

#include <cmath>

namespace anagram {
namespace {

// One pass over a row; a NaN or an infinity makes sum_of_squares NaN or infinite.
template <class T> Magnitude magnitude_of(const T *row, std::int64_t length) {
  T largest = 0, sum = 0;
#pragma omp simd reduction(max : largest) reduction(+ : sum)
  for (std::int64_t i = 0; i < length; ++i) {
    const T magnitude = std::abs(row[i]);
    largest = magnitude > largest ? magnitude : largest;
    sum += row[i] * row[i];
  }
  return {static_cast<double>(largest), static_cast<double>(sum)};
}

} // namespace

template <class T>
Magnitude checked_magnitude(MatrixView<const T> transposed, const char *name,
                            std::int64_t first_row) {
  Magnitude total;
  for (std::int64_t row = 0; row < transposed.columns; ++row) {
    const Magnitude in_row = magnitude_of(&transposed(0, row), transposed.rows);
    if (!std::isfinite(in_row.sum_of_squares)) // or finite numbers whose squares overflow
      for (std::int64_t i = 0; i < transposed.rows; ++i)
        if (!std::isfinite(transposed(i, row)))
          throw_non_finite(name, first_row + row, i, static_cast<double>(transposed(i, row)));
    total.add(in_row);
  }
  return total;
}

template Magnitude checked_magnitude(MatrixView<const double>, const char *, std::int64_t);
template Magnitude checked_magnitude(MatrixView<const float>, const char *, std::int64_t);

} // namespace anagram
