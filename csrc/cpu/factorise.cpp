#include "cpu/factorise.hpp"

#include "anagram/solver/adaptive.hpp"
#include "anagram/solver/dense.hpp"
#include "cpu/lapack.hpp"

#include <cmath>
#include <limits>
#include <string>

namespace anagram {
namespace {

[[noreturn]] void throw_at(const char *name, std::int64_t row, std::int64_t column, double value) {
  throw NonFiniteInput(std::string(name) + ": element [" + std::to_string(row) + ", " +
                       std::to_string(column) + "] is " + std::to_string(value));
}

// What may always be missing, in units of eps * |J|_F: as much as the SVD of LAPACK is off by. Probes
// see about three units of their own round-off.
constexpr double round_off_units = 16;

struct Magnitude {
  double largest = 0;        // max |J|
  double sum_of_squares = 0; // may overflow or vanish: then `largest` asks for scaling
};

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

// Of the whole matrix, after a check that everything is finite. Row i of J is column i of its
// transpose.
template <class T> Magnitude checked_magnitude(MatrixView<const T> transposed, const char *name) {
  Magnitude total;
  for (std::int64_t row = 0; row < transposed.columns; ++row) {
    const Magnitude in_row = magnitude_of(&transposed(0, row), transposed.rows);
    if (!std::isfinite(in_row.sum_of_squares)) // or large finite numbers, whose squares overflow
      for (std::int64_t i = 0; i < transposed.rows; ++i)
        if (!std::isfinite(transposed(i, row)))
          throw_at(name, row, i, static_cast<double>(transposed(i, row)));
    total.largest = std::max(total.largest, in_row.largest);
    total.sum_of_squares += in_row.sum_of_squares;
  }
  return total;
}

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

template <class T> HostMatrix<T> scaled_copy(MatrixView<const T> a, double factor) {
  HostMatrix<T> result = HostLinalg<T>().copy(a);
  T *data = result.view().data;
  for (std::int64_t i = 0; i < a.rows * a.columns; ++i)
    data[i] *= static_cast<T>(factor);
  return result;
}

// Below this side the dense path is over before the range finder has begun.
constexpr std::int64_t always_dense = 48;

// The rank beyond which the dense path is faster; see benchmarks/. The cost of finding that out is
// that of the range finder alone, a fifth of the dense path.
std::int64_t largest_adaptive_rank(std::int64_t short_side) { return short_side * 3 / 4; }

// `level`: what may be missing, absolute.
template <class T>
HostFactorisation<T> factorise_scaled(MatrixView<const T> j_transposed, double level,
                                      ShortBasis short_basis) {
  HostLinalg<T> linalg;
  const std::int64_t short_side = std::min(j_transposed.rows, j_transposed.columns);
  if (short_side > always_dense) {
    const BlasThreads one(1);
    auto result = factorise_adaptive(linalg, j_transposed, level, largest_adaptive_rank(short_side),
                                     short_basis);
    if (result)
      return std::move(*result);
  }
  const BlasThreads many(BlasThreads::for_factorisation_of(short_side));
  return factorise_dense(linalg, j_transposed);
}

} // namespace

template <class T>
HostFactorisation<T> factorise(MatrixView<const T> j_transposed, const Tolerance &tolerance) {
  const double relative = std::max(
      tolerance.relative, round_off_units * static_cast<double>(std::numeric_limits<T>::epsilon()));
  const Magnitude magnitude = checked_magnitude(j_transposed, "J");
  const double scale = safe_scale<T>(magnitude.largest);
  if (scale == 1) {
    const double level =
        std::max(relative * std::sqrt(magnitude.sum_of_squares), tolerance.absolute);
    return factorise_scaled(j_transposed, level,
                            tolerance.is_zero() ? ShortBasis::stored : ShortBasis::image);
  }
  const HostMatrix<T> scaled = scaled_copy(j_transposed, scale);
  const double norm = std::sqrt(checked_magnitude(scaled.view(), "J").sum_of_squares);
  const double level = std::max(relative * norm, tolerance.absolute * scale);
  // The copy does not outlive this function: nothing may refer to it.
  HostFactorisation<T> result = factorise_scaled<T>(scaled.view(), level, ShortBasis::stored);
  for (T &sigma : result.singular_values)
    sigma = static_cast<T>(static_cast<double>(sigma) / scale);
  return result;
}

template <class T> void require_finite(MatrixView<const T> r_transposed, const char *name) {
  checked_magnitude(r_transposed, name);
}

#define ANAGRAM_INSTANTIATE(T)                                                                     \
  template HostFactorisation<T> factorise(MatrixView<const T>, const Tolerance &);                 \
  template void require_finite(MatrixView<const T>, const char *);
ANAGRAM_INSTANTIATE(double)
ANAGRAM_INSTANTIATE(float)
#undef ANAGRAM_INSTANTIATE

} // namespace anagram
