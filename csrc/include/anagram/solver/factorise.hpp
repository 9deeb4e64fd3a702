// factorise(J): input checks, scaling, and the choice of the path.
#pragma once

#include "anagram/solver/adaptive.hpp"
#include "anagram/solver/dense.hpp"
#include "anagram/solver/magnitude.hpp"
#include "anagram/solver/operand.hpp"
#include "anagram/solver/tiled_jacobian.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace anagram {

// What may always be missing, in units of eps * |J|_F: as much as the SVD of LAPACK is off by.
// Probes see about three units of their own round-off.
template <class T> Tolerance at_least_round_off(Tolerance tolerance) {
  constexpr double round_off_units = 16;
  const double eps = std::numeric_limits<T>::epsilon();
  tolerance.relative = std::max(tolerance.relative, round_off_units * eps);
  return tolerance;
}

// From those of scale * J to those of J. What exceeds the largest number by round-off is that
// number.
template <class T> void unscale(std::vector<T> &singular_values, double scale) {
  using Limits = std::numeric_limits<T>;
  const double most = static_cast<double>(Limits::max()) * scale;
  const double round_off = 1 + 16 * static_cast<double>(Limits::epsilon());
  for (T &sigma : singular_values) {
    const double scaled = static_cast<double>(sigma);
    if (scaled > most * round_off)
      throw NonFiniteInput("J: its largest singular value exceeds the largest number of its dtype; "
                           "scale J");
    sigma = static_cast<T>(std::min(scaled, most) / scale);
  }
}

// find_range for J in memory, or nothing where Linalg::Paths knows the rank to be too high for
// that.
//
// First come sketches of J with its long side shortened, where that can be done cheaply: they know
// the short vectors as well as those of J itself, which go on where they end.
template <class Linalg>
std::optional<typename Linalg::Matrix>
find_range_in_memory(Linalg &linalg, const ShortSide<Linalg, StoredJacobian<Linalg>> &side,
                     const Tolerance &tolerance) {
  using Paths = typename Linalg::Paths;
  const std::int64_t width = Paths::sketch_width(side.length());
  const std::int64_t max_rank = Paths::largest_rank_by_products(side.length());
  auto sketches = linalg.growing_qr(side.length(), max_rank);
  if constexpr (Paths::embeds) {
    if (const std::int64_t length =
            Paths::embedded_length(max_rank, side.length(), side.long_length())) {
      const auto shorter_transposed = linalg.embedded(side.j.j_transposed(), length);
      StoredJacobian<Linalg> shorter(linalg, shorter_transposed.view(), side.j.norm());
      const ShortSide<Linalg, StoredJacobian<Linalg>> same_side(shorter, side.are_rows);
      const std::int64_t most = std::min(max_rank, Paths::largest_rank_in(length));
      if (auto q = find_range(linalg, same_side, tolerance, width, most, sketches))
        return q;
    }
  }
  return find_range(linalg, side, tolerance, width, max_rank, sketches);
}

// For J whose squares neither overflow nor vanish; throws OutOfScale where they do, and
// NonFiniteInput.
template <class Linalg>
Factorisation<Linalg> factorise_scaled(Linalg &linalg, StoredJacobian<Linalg> &j,
                                       const Tolerance &tolerance) {
  if constexpr (!Linalg::Paths::looks_late)
    j.norm();
  [[maybe_unused]] const auto threads = linalg.threads_for_products();
  const ShortSide<Linalg, StoredJacobian<Linalg>> side(j);
  if (auto q = find_range_in_memory(linalg, side, tolerance))
    return factorise_within(linalg, side, tolerance, std::move(*q));
  j.norm(); // somebody has to ask before an SVD sees J
  return factorise_dense(linalg, j.j_transposed());
}

// `j_transposed` is J^T [P, S], the memory of a row-major J, with S, P >= 1; not modified. A few
// units of round-off are always tolerated. With a zero tolerance the result owns its memory;
// otherwise it refers to J, which must stay unchanged as long as it is used.
template <class Linalg>
Factorisation<Linalg> factorise(Linalg &linalg, typename Linalg::ConstView j_transposed,
                                const Tolerance &tolerance = {}) {
  using T = typename Linalg::Scalar;
  const bool may_refer_to_j = tolerance.relative > 0 || tolerance.absolute > 0;
  const Tolerance allowed = at_least_round_off<T>(tolerance);
  try {
    StoredJacobian<Linalg> j(linalg, j_transposed);
    auto result = factorise_scaled(linalg, j, allowed);
    if (may_refer_to_j && std::string(result.method) == "adaptive")
      drop_short_basis(result, j_transposed);
    return result;
  } catch (const OutOfScale &found) {
    const auto copy = linalg.scaled_copy(j_transposed, found.scale);
    const double norm = std::sqrt(linalg.checked_magnitude(copy.view(), "J").sum_of_squares);
    StoredJacobian<Linalg> j(linalg, copy.view(), norm);
    auto result = factorise_scaled(linalg, j, {allowed.relative, allowed.absolute * found.scale});
    unscale(result.singular_values, found.scale);
    return result;
  }
}

// The same for J by tiles.
template <class Linalg>
Factorisation<Linalg> factorise_scaled_tiles(Linalg &linalg, TiledJacobian<Linalg> &j,
                                             const Tolerance &tolerance) {
  // Every sketch generates all tiles anew: wide sketches, few passes.
  constexpr std::int64_t width = Linalg::Paths::tile_sketch_width;
  constexpr std::int64_t largest_rank = 16 * width; // what it stores stays far smaller than J
  const std::int64_t short_side = std::min(j.rows(), j.columns());
  [[maybe_unused]] const auto threads = linalg.threads_for_products();
  const std::int64_t most = std::min(largest_rank, short_side);
  auto sketches = linalg.growing_qr(short_side, most);
  const ShortSide<Linalg, TiledJacobian<Linalg>> side(j);
  auto q = find_range(linalg, side, tolerance, width, most, sketches);
  if (!q)
    throw std::length_error("J [" + std::to_string(j.rows()) + ", " + std::to_string(j.columns()) +
                            "]: its rank exceeds " + std::to_string(largest_rank) +
                            ", too high to factorise it by tiles; use a larger cutoff");
  return factorise_within(linalg, side, tolerance, std::move(*q));
}

// The same for J that is made tile by tile and never stored; the result owns its memory. There is
// no dense path: throws std::length_error when the rank is too high for it.
template <class Linalg>
Factorisation<Linalg> factorise_tiles(Linalg &linalg, TiledJacobian<Linalg> &j,
                                      const Tolerance &tolerance = {}) {
  const Tolerance allowed = at_least_round_off<typename Linalg::Scalar>(tolerance);
  try {
    return factorise_scaled_tiles(linalg, j, allowed);
  } catch (const OutOfScale &found) { // the first pass over the tiles tells
    j.scale_by(found.scale);
    auto result =
        factorise_scaled_tiles(linalg, j, {allowed.relative, allowed.absolute * found.scale});
    unscale(result.singular_values, found.scale);
    return result;
  }
}

} // namespace anagram
