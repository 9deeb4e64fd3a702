#include "cpu/factorise.hpp"

#include "anagram/solver/dense.hpp"

#include <cmath>
#include <limits>
#include <string>

namespace anagram {
namespace {

[[noreturn]] void throw_at(const char *name, std::int64_t row, std::int64_t column, double value) {
  throw NonFiniteInput(std::string(name) + ": element [" + std::to_string(row) + ", " +
                       std::to_string(column) + "] is " + std::to_string(value));
}

// max |a(i, j)| by columns; NaN when the column has a NaN.
template <class T> T largest_in_column(const T *column, std::int64_t rows) {
  T largest = 0;
  T poison = 0; // x * 0 is NaN for NaN and infinity: max alone would lose NaN
#pragma omp simd reduction(max : largest) reduction(+ : poison)
  for (std::int64_t i = 0; i < rows; ++i) {
    const T magnitude = std::abs(column[i]);
    largest = magnitude > largest ? magnitude : largest;
    poison += column[i] * T(0);
  }
  return largest + poison;
}

// max |J|, after a check that everything is finite. Row i of J is column i of its transpose.
template <class T> T largest_magnitude(MatrixView<const T> transposed, const char *name) {
  T largest = 0;
  for (std::int64_t row = 0; row < transposed.columns; ++row) {
    const T in_row = largest_in_column(&transposed(0, row), transposed.rows);
    if (!std::isfinite(in_row)) {
      for (std::int64_t i = 0; i < transposed.rows; ++i)
        if (!std::isfinite(transposed(i, row)))
          throw_at(name, row, i, static_cast<double>(transposed(i, row)));
    }
    largest = std::max(largest, in_row);
  }
  return largest;
}

// The power of two that brings `largest` near one, or 1 when squares of such numbers neither
// overflow nor vanish anyway: then no copy is needed.
template <class T> T safe_scale(T largest) {
  const T tiny = std::sqrt(std::numeric_limits<T>::min()) / std::numeric_limits<T>::epsilon();
  if (largest == T(0) || (largest > tiny && largest < 1 / tiny))
    return T(1);
  // ldexp(1, -exponent) itself may overflow for subnormal input: half of the range is enough.
  int exponent = 0;
  std::frexp(largest, &exponent);
  const int limit = std::numeric_limits<T>::max_exponent - 1;
  return std::ldexp(T(1), std::min(-exponent, limit));
}

template <class T> HostMatrix<T> scaled_copy(MatrixView<const T> a, T factor) {
  HostMatrix<T> result = HostLinalg<T>().copy(a);
  T *data = result.view().data;
  for (std::int64_t i = 0; i < a.rows * a.columns; ++i)
    data[i] *= factor; // exact: a power of two, and the results are not subnormal where it matters
  return result;
}

} // namespace

template <class T> HostFactorisation<T> factorise(MatrixView<const T> j_transposed) {
  HostLinalg<T> linalg;
  const T scale = safe_scale(largest_magnitude(j_transposed, "J"));
  if (scale == T(1))
    return factorise_dense(linalg, j_transposed);
  const HostMatrix<T> scaled = scaled_copy(j_transposed, scale);
  HostFactorisation<T> result = factorise_dense(linalg, scaled.view());
  for (T &sigma : result.singular_values)
    sigma /= scale;
  return result;
}

template <class T> void require_finite(MatrixView<const T> r_transposed, const char *name) {
  largest_magnitude(r_transposed, name);
}

template HostFactorisation<double> factorise(MatrixView<const double>);
template HostFactorisation<float> factorise(MatrixView<const float>);
template void require_finite(MatrixView<const double>, const char *);
template void require_finite(MatrixView<const float>, const char *);

} // namespace anagram
