#include "cpu/factorise.hpp"

#include "anagram/solver/dense.hpp"
#include "anagram/solver/operand.hpp"
#include "cpu/lapack.hpp"
#include "cpu/magnitude.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

namespace anagram {
namespace {

// What may always be missing, in units of eps * |J|_F: as much as the SVD of LAPACK is off by.
// Probes see about three units of their own round-off.
constexpr double round_off_units = 16;

template <class T> Tolerance at_least_round_off(Tolerance tolerance) {
  const double eps = std::numeric_limits<T>::epsilon();
  tolerance.relative = std::max(tolerance.relative, round_off_units * eps);
  return tolerance;
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

// The rank beyond which the dense path is faster: 83 % of the side of a square matrix, falling to
// 55 % of the short side of a long one, whose dense path is mostly a QR. Finding out that the rank
// is higher costs three tenths of the dense path at most.
std::int64_t largest_adaptive_rank(std::int64_t short_side, std::int64_t long_side) {
  return short_side * 55 / 100 + short_side * short_side * 28 / (100 * long_side);
}

// Width of a sketch, in blocks of the growing QR: a sixteenth of the side, one or two blocks.
template <class T> std::int64_t sketch_width(std::int64_t short_side) {
  constexpr std::int64_t block = GrowingQr<T>::block;
  return block * std::clamp<std::int64_t>(short_side / 16 / block, 1, 2);
}

template <class T>
HostFactorisation<T> factorise_scaled(MatrixView<const T> j_transposed, double norm,
                                      const Tolerance &tolerance) {
  HostLinalg<T> linalg;
  const auto [short_side, long_side] = std::minmax({j_transposed.rows, j_transposed.columns});
  if (short_side > always_dense) {
    const BlasThreads one(1);
    StoredJacobian<HostLinalg<T>> j(linalg, j_transposed, norm);
    auto result = factorise_adaptive(linalg, j, tolerance, sketch_width<T>(short_side),
                                     largest_adaptive_rank(short_side, long_side));
    if (result)
      return std::move(*result);
  }
  const BlasThreads many(BlasThreads::for_factorisation_of(short_side));
  return factorise_dense(linalg, j_transposed);
}

} // namespace

template <class T>
HostFactorisation<T> factorise(MatrixView<const T> j_transposed, const Tolerance &tolerance) {
  const bool may_refer_to_j = tolerance.relative > 0 || tolerance.absolute > 0;
  const Tolerance allowed = at_least_round_off<T>(tolerance);
  const Magnitude magnitude = checked_magnitude(j_transposed, "J");
  const double scale = safe_scale<T>(magnitude.largest);
  if (scale == 1) {
    auto result = factorise_scaled(j_transposed, std::sqrt(magnitude.sum_of_squares), allowed);
    if (may_refer_to_j && std::string(result.method) == "adaptive")
      drop_short_basis(result, j_transposed);
    return result;
  }
  const HostMatrix<T> scaled = scaled_copy(j_transposed, scale);
  const double norm = std::sqrt(checked_magnitude(scaled.view(), "J").sum_of_squares);
  auto result =
      factorise_scaled<T>(scaled.view(), norm, {allowed.relative, allowed.absolute * scale});
  for (T &sigma : result.singular_values)
    sigma = static_cast<T>(static_cast<double>(sigma) / scale);
  return result;
}

template <class T>
HostFactorisation<T> factorise_tiles(TiledJacobian<T> &j, const Tolerance &tolerance) {
  // Every sketch generates all tiles anew: wide sketches, few passes.
  constexpr std::int64_t width = 8 * GrowingQr<T>::block;
  constexpr std::int64_t largest_rank = 16 * width; // what it stores stays far smaller than J
  const std::int64_t short_side = std::min(j.rows(), j.columns());
  HostLinalg<T> linalg;
  const BlasThreads one(1);
  auto result = factorise_adaptive(linalg, j, at_least_round_off<T>(tolerance), width,
                                   std::min(largest_rank, short_side));
  if (!result)
    throw std::length_error("J [" + std::to_string(j.rows()) + ", " + std::to_string(j.columns()) +
                            "]: its rank exceeds " + std::to_string(largest_rank) +
                            ", too high to factorise it by tiles; use a larger cutoff");
  return std::move(*result);
}

#define ANAGRAM_INSTANTIATE(T)                                                                     \
  template HostFactorisation<T> factorise(MatrixView<const T>, const Tolerance &);                 \
  template HostFactorisation<T> factorise_tiles(TiledJacobian<T> &, const Tolerance &);
ANAGRAM_INSTANTIATE(double)
ANAGRAM_INSTANTIATE(float)
#undef ANAGRAM_INSTANTIATE

} // namespace anagram
