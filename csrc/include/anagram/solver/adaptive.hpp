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

// J seen from its short side. "inward" maps long vectors to short ones, "outward" the reverse.
template <class Linalg> struct ShortSide {
  using View = typename Linalg::View;
  using ConstView = typename Linalg::ConstView;

  Linalg &linalg;
  ConstView j_transposed; // [P, S]

  bool is_rows() const { return j_transposed.rows <= j_transposed.columns; } // P <= S
  std::int64_t length() const { return std::min(j_transposed.rows, j_transposed.columns); }
  std::int64_t long_length() const { return std::max(j_transposed.rows, j_transposed.columns); }

  void inward(ConstView x, View y) const {
    is_rows() ? linalg.multiply(j_transposed, x, y)
              : linalg.multiply_transposed(j_transposed, x, y);
  }
  void outward(ConstView x, View y) const {
    is_rows() ? linalg.multiply_transposed(j_transposed, x, y)
              : linalg.multiply(j_transposed, x, y);
  }
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

// Columns of one sketch, a multiple of `block`. Wide ones make faster products, narrow ones
// overshoot the rank by less.
inline std::int64_t sketch_width(std::int64_t length, std::int64_t block) {
  return block * std::clamp<std::int64_t>(length / 16 / block, 1, 2);
}

// Orthonormal Q [short, k] with |J - J Q Q^T|_F <= level (or the transposed statement), or nothing
// when k would exceed `max_rank`.
template <class Linalg>
std::optional<typename Linalg::Matrix> find_range(const ShortSide<Linalg> &side, double level,
                                                  std::int64_t max_rank) {
  using GrowingQr = typename Linalg::GrowingQr;
  Linalg &linalg = side.linalg;
  const std::int64_t count = sketch_width(side.length(), GrowingQr::block);
  GrowingQr qr(side.length(), max_rank);
  auto omega = linalg.allocate(side.long_length(), count);
  for (std::uint64_t round = 1; qr.columns() + count <= max_rank; ++round) {
    linalg.fill_random(omega.view(), round);
    side.inward(omega.view(), qr.next(count));
    qr.append(count);
    if (const auto columns = columns_to_keep(qr, level))
      return qr.form_q(*columns);
  }
  return std::nullopt;
}

// How the basis of the short side is kept.
enum class ShortBasis {
  // As Q W. Wrong by about level / sigma_k in the direction of sigma_k: Q misses that much of it.
  stored,
  // As the image of the long one through J, which must stay in memory. The long basis comes from
  // C C^T = J J^T - E E^T with |E| <= level: wrong by the square, (level / sigma_k)^2, and so is
  // its
  // image. A level far above round-off then does for all singular values well above it.
  image,
};

// Singular values above `level` (absolute) and their vectors, or nothing when there are so many
// that the dense path is faster.
template <class Linalg>
std::optional<Factorisation<Linalg>>
factorise_adaptive(Linalg &linalg, typename Linalg::ConstView j_transposed, double level,
                   std::int64_t max_rank, ShortBasis short_basis) {
  const ShortSide<Linalg> side{linalg, j_transposed};
  auto q = find_range(side, level, max_rank);
  if (!q)
    return std::nullopt;
  auto seen = linalg.allocate(side.long_length(), q->columns()); // C
  side.outward(q->view(), seen.view());
  auto reflectors = linalg.qr(std::move(seen));
  auto small = linalg.svd(linalg.upper_triangle(reflectors));
  small.keep_above(level);

  Factorisation<Linalg> result;
  result.singular_values = std::move(small.sigma);
  auto &long_side = side.is_rows() ? result.left : result.right;
  auto &short_side = side.is_rows() ? result.right : result.left;
  long_side.emplace(std::move(reflectors), std::move(small.u));
  if (short_basis == ShortBasis::stored)
    short_side.emplace(std::move(*q), std::move(small.v));
  else
    result.j_transposed = j_transposed;
  result.method = "adaptive";
  return result;
}

} // namespace anagram
