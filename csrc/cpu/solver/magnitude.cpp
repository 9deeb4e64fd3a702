#include "cpu/solver/magnitude.hpp"

#include "cpu/pool.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

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

// Throws for the first element that is not finite; there is none where squares merely overflow.
template <class T>
void require_finite(MatrixView<const T> transposed, const char *name, std::int64_t first_row) {
  for (std::int64_t row = 0; row < transposed.columns; ++row)
    for (std::int64_t i = 0; i < transposed.rows; ++i)
      if (!std::isfinite(transposed(i, row)))
        throw_non_finite(name, first_row + row, i, static_cast<double>(transposed(i, row)));
}

} // namespace

template <class T>
Magnitude checked_magnitude(MatrixView<const T> transposed, const char *name,
                            std::int64_t first_row) {
  constexpr std::int64_t chunk = 64;              // rows; the order of summation is fixed
  constexpr std::int64_t worth_sharing = 1 << 21; // elements: a millisecond
  std::vector<Magnitude> parts(static_cast<std::size_t>((transposed.columns + chunk - 1) / chunk));
  const bool share = transposed.rows * transposed.columns > worth_sharing;
  parallel_for(static_cast<std::int64_t>(parts.size()), share ? num_threads() : 1,
               [&](std::int64_t part, int) {
                 Magnitude sum;
                 const std::int64_t end = std::min((part + 1) * chunk, transposed.columns);
                 for (std::int64_t row = part * chunk; row < end; ++row)
                   sum += magnitude_of(&transposed(0, row), transposed.rows);
                 parts[static_cast<std::size_t>(part)] = sum;
               });
  Magnitude total;
  for (const Magnitude &part : parts)
    total += part;
  if (!std::isfinite(total.sum_of_squares))
    require_finite(transposed, name, first_row);
  return total;
}

template Magnitude checked_magnitude(MatrixView<const double>, const char *, std::int64_t);
template Magnitude checked_magnitude(MatrixView<const float>, const char *, std::int64_t);

} // namespace anagram
