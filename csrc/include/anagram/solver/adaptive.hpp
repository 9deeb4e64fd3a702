// Factorisation in O(S P k) operations, k = the numerical rank (Halko, Martinsson & Tropp 2011).
//
//   1. range finder: sketch J with random vectors, a block at a time, until fresh ones find nothing
//      new; Q spans what they found
//   2. C = J Q, the part of J that Q sees
//   3. SVD of C by QR and a k x k SVD
//
// Q lies on the short side of J, where orthogonalising is cheapest: with P <= S it spans the row
// space and C = J Q; otherwise it spans the column space and C = J^T Q.
#pragma once

#include "anagram/solver/factorisation.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>

namespace anagram {

// What may be missing of J, as a Frobenius norm: the larger of the two.
struct Tolerance {
  double relative = 0; // of the Frobenius norm of J
  double absolute = 0;
  double level(double norm) const { return std::max(relative * norm, absolute); }
};

// J seen from its short side. "inward" maps long vectors to short ones, "outward" the reverse.
template <class Linalg, class Operand> struct ShortSide {
  using View = typename Linalg::View;
  using ConstView = typename Linalg::ConstView;

  Operand &j;

  bool is_rows() const { return j.columns() <= j.rows(); } // P <= S: row vectors are short
  std::int64_t length() const { return std::min(j.rows(), j.columns()); }
  std::int64_t long_length() const { return std::max(j.rows(), j.columns()); }

  void inward(ConstView x, View y) const { is_rows() ? j.transposed_times(x, y) : j.times(x, y); }
  void outward(ConstView x, View y) const { is_rows() ? j.times(x, y) : j.transposed_times(x, y); }
};

// How many columns of Q to keep, once the last ones found nothing: those before the trailing run of
// residuals <= level and the first `probes` of that run, or nothing while the run is shorter.
//
// Column j of the sketch is a random vector that the columns before it know nothing of, so the
// diagonal |R_jj| of its QR factorisation is the norm of (I - Q_j Q_j^T) J^T w for a fresh probe w:
// its mean square is the squared Frobenius norm of what Q_j misses. The probes are kept because
// they are there: they bring what is missing from `level` down to round-off when the spectrum
// decays.
template <class GrowingQr>
std::optional<std::int64_t> columns_to_keep(const GrowingQr &qr, double level) {
  constexpr std::int64_t probes = 8; // all of them misleading: probability about 1e-8
  std::int64_t rank = qr.columns();
  while (rank > 0 && qr.diagonal(rank - 1) <= level)
    --rank;
  if (qr.columns() - rank < probes)
    return std::nullopt;
  return rank + probes;
}

// Orthonormal Q [short, k] with |J - J Q Q^T|_F within the tolerance (or the transposed statement),
// or nothing when k would exceed `max_rank`. A sketch has `width` columns, a multiple of the block
// of GrowingQr: wide ones make faster products, narrow ones overshoot the rank by less.
template <class Linalg, class Operand>
std::optional<typename Linalg::Matrix>
find_range(Linalg &linalg, const ShortSide<Linalg, Operand> &side, const Tolerance &tolerance,
           std::int64_t width, std::int64_t max_rank) {
  auto qr = linalg.growing_qr(side.length(), max_rank);
  auto omega = linalg.allocate(side.long_length(), width);
  for (std::uint64_t round = 1; qr.columns() < max_rank; ++round) {
    const std::int64_t count = std::min(width, max_rank - qr.columns());
    linalg.fill_random(omega.view(), round);
    side.inward(omega.view().column_range(0, count), qr.next(count));
    qr.append(count);
    if (const auto columns = columns_to_keep(qr, tolerance.level(side.j.norm())))
      return qr.form_q(*columns);
  }
  if (qr.columns() == side.length()) // nothing is missing from the whole space
    return qr.form_q(side.length());
  return std::nullopt;
}

// The factorisation J = U sigma V^T + what the tolerance allows to miss, or nothing when more than
// `max_rank` columns would be needed.
//
// The short basis, Q W, is wrong by about level / sigma_k in the direction of sigma_k: Q misses
// that much of it. The long one comes from C C^T = J J^T - E E^T with |E| <= level, and is wrong by
// the square, (level / sigma_k)^2 (see drop_short_basis).
template <class Linalg, class Operand>
std::optional<Factorisation<Linalg>> factorise_adaptive(Linalg &linalg, Operand &j,
                                                        const Tolerance &tolerance,
                                                        std::int64_t width, std::int64_t max_rank) {
  const ShortSide<Linalg, Operand> side{j};
  auto q = find_range(linalg, side, tolerance, width, max_rank);
  if (!q)
    return std::nullopt;
  auto seen = linalg.allocate(side.long_length(), q->columns()); // C
  side.outward(q->view(), seen.view());
  auto reflectors = linalg.qr(std::move(seen));
  auto small = linalg.svd(linalg.upper_triangle(reflectors));
  small.keep_above(tolerance.level(j.norm()));

  Factorisation<Linalg> result;
  result.singular_values = std::move(small.sigma);
  auto &long_side = side.is_rows() ? result.left : result.right;
  auto &short_side = side.is_rows() ? result.right : result.left;
  long_side.emplace(std::move(reflectors), std::move(small.u));
  short_side.emplace(std::move(*q), std::move(small.v));
  result.method = "adaptive";
  return result;
}

// Replaces the short basis by the image of the long one through J, which must stay in memory: it is
// then as accurate as the long one, and a tolerance far above round-off does for all singular
// values well above it.
template <class Linalg>
void drop_short_basis(Factorisation<Linalg> &factorisation,
                      typename Linalg::ConstView j_transposed) {
  factorisation.j_transposed = j_transposed;
  if (j_transposed.rows <= j_transposed.columns)
    factorisation.right.reset();
  else
    factorisation.left.reset();
}

} // namespace anagram
