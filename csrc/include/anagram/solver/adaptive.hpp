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
#include <limits>
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
  bool are_rows; // whether the short vectors are those of the rows

  explicit ShortSide(Operand &operand) : ShortSide(operand, operand.columns() <= operand.rows()) {}
  ShortSide(Operand &operand, bool rows_are_short) : j(operand), are_rows(rows_are_short) {}

  std::int64_t length() const { return are_rows ? j.columns() : j.rows(); }
  std::int64_t long_length() const { return are_rows ? j.rows() : j.columns(); }

  void inward(ConstView x, View y) const { are_rows ? j.transposed_times(x, y) : j.times(x, y); }
  void outward(ConstView x, View y) const { are_rows ? j.times(x, y) : j.transposed_times(x, y); }
};

constexpr std::int64_t probes = 8; // all of them misleading: probability about 1e-8

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
  std::int64_t rank = qr.columns();
  while (rank > 0 && qr.diagonal(rank - 1) <= level)
    --rank;
  if (qr.columns() - rank < probes)
    return std::nullopt;
  return rank + probes;
}

// How many more columns it takes until columns_to_keep is content, if the diagonal of R goes on
// falling by the same factor as over the last half of its columns, within [narrow, wide].
template <class GrowingQr>
std::int64_t columns_ahead(const GrowingQr &qr, double level, std::int64_t narrow,
                           std::int64_t wide) {
  const std::int64_t n = qr.columns(), half = n / 2, few = std::min<std::int64_t>(half, 8);
  const auto mean_log = [&](std::int64_t end) { // of the few columns before `end`
    double sum = 0;
    for (std::int64_t j = end - few; j < end; ++j)
      sum += std::log(std::max(qr.diagonal(j), std::numeric_limits<double>::min()));
    return sum / static_cast<double>(few);
  };
  const double last = mean_log(n),
               slope = (last - mean_log(n - half + few)) / static_cast<double>(half - few);
  const double ahead = (std::log(level) - last) / slope; // may be anything: infinite, negative, NaN
  const double wanted = static_cast<double>(probes) + ahead;
  if (!(slope < 0 && wanted < static_cast<double>(wide)))
    return wide;
  return std::max(narrow, static_cast<std::int64_t>(wanted));
}

// Orthonormal Q [short, k] with |J - J Q Q^T|_F within the tolerance (or the transposed statement),
// or nothing when `qr`, which gathers the sketches, would exceed `max_rank` columns. It may hold
// sketches of another matrix with about the same J^T J (or J J^T). The first sketch has `width`
// columns; later ones have as many as may still be missing: wide ones make faster products, narrow
// ones overshoot the rank by less.
template <class Linalg, class Operand>
std::optional<typename Linalg::Matrix>
find_range(Linalg &linalg, const ShortSide<Linalg, Operand> &side, const Tolerance &tolerance,
           std::int64_t width, std::int64_t max_rank, typename Linalg::GrowingQr &qr) {
  if (qr.columns() >= max_rank)
    return std::nullopt;
  const std::int64_t narrow = width / 2, wide = 2 * width;
  auto omega = linalg.allocate(side.long_length(), wide);
  const auto sketch = [&](std::int64_t count) {
    linalg.fill_random(omega.view().column_range(0, count),
                       static_cast<std::uint64_t>(qr.columns() + 1));
    side.inward(omega.view().column_range(0, count), qr.next(count));
    qr.append(count);
  };
  if (qr.columns() == 0)
    sketch(std::min(width, max_rank));
  for (;;) {
    const double level = tolerance.level(side.j.norm());
    if (const auto columns = columns_to_keep(qr, level))
      return qr.form_q(*columns);
    const std::int64_t left = max_rank - qr.columns();
    if (left == 0)
      break;
    sketch(std::min(left, columns_ahead(qr, level, narrow, wide)));
  }
  if (qr.columns() == side.length()) // nothing is missing from the whole space
    return qr.form_q(side.length());
  return std::nullopt;
}

// The factorisation J = U sigma V^T + what Q [short, k] misses of J.
//
// The short basis, Q W, is wrong by about level / sigma_k in the direction of sigma_k: Q misses
// that much of it. The long one comes from C C^T = J J^T - E E^T with |E| <= level, and is wrong by
// the square, (level / sigma_k)^2 (see drop_short_basis).
template <class Linalg, class Operand>
Factorisation<Linalg> factorise_within(Linalg &linalg, const ShortSide<Linalg, Operand> &side,
                                       const Tolerance &tolerance, typename Linalg::Matrix q) {
  const std::int64_t searched = q.columns();
  auto seen = linalg.allocate(side.long_length(), searched); // C
  side.outward(q.view(), seen.view());
  auto small = linalg.tall_svd(std::move(seen));
  small.keep_above(tolerance.level(side.j.norm()));
  small.right.prepend(std::move(q));

  Factorisation<Linalg> result;
  result.singular_values = std::move(small.sigma);
  result.left.emplace(std::move(side.are_rows ? small.left : small.right));
  result.right.emplace(std::move(side.are_rows ? small.right : small.left));
  result.method = "adaptive";
  result.searched = searched;
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
