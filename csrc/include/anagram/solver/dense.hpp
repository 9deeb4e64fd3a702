// J through the square factor of its long side: Householder QR, then an SVD of the triangle.
#pragma once

#include "anagram/solver/factorisation.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace anagram {

// Numbers that factorise_dense holds at once, besides J and the workspace of the SVD: the copy of J
// that becomes reflectors [long, short], and three of [short, short]: R, whose memory V takes over,
// U and V^T.
inline std::int64_t dense_elements(std::int64_t rows, std::int64_t columns) {
  const auto [short_side, long_side] = std::minmax({rows, columns});
  return short_side * (long_side + 3 * short_side);
}

// All min(S, P) singular values. `j_transposed` is J^T [P, S]; it is not modified.
template <class Linalg>
Factorisation<Linalg> factorise_dense(Linalg &linalg, typename Linalg::ConstView j_transposed) {
  linalg.require_free(dense_elements(j_transposed.rows, j_transposed.columns));
  const bool more_rows = j_transposed.columns > j_transposed.rows; // S > P
  auto reflectors =                                                // of the tall one of J and J^T
      linalg.qr(more_rows ? linalg.transposed_copy(j_transposed) : linalg.copy(j_transposed));
  auto small = linalg.triangle_svd(reflectors);
  small.left.prepend(std::move(reflectors));
  Factorisation<Linalg> result;
  result.singular_values = std::move(small.sigma);
  result.left.emplace(std::move(more_rows ? small.left : small.right));
  result.right.emplace(std::move(more_rows ? small.right : small.left));
  result.method = "dense";
  result.searched = result.rank();
  return result;
}

} // namespace anagram
