// Full SVD of J: Householder QR of the long side, then divide and conquer on the small triangle.
#pragma once

#include "anagram/solver/factorisation.hpp"

#include <utility>

namespace anagram {

// `j_transposed` is J^T [P, S]; it is not modified. All min(S, P) singular values are returned.
template <class Linalg>
Factorisation<Linalg> factorise_dense(Linalg &linalg, typename Linalg::ConstView j_transposed) {
  const bool more_rows = j_transposed.columns > j_transposed.rows; // S > P
  // The tall one of J and J^T: Q R of it leaves a square factor of the short side.
  auto tall = more_rows ? linalg.transposed_copy(j_transposed) : linalg.copy(j_transposed);
  auto reflectors = linalg.qr(std::move(tall));
  auto triangle = linalg.upper_triangle(reflectors); // [n, n]
  auto small = linalg.svd(std::move(triangle));      // R = W_tall sigma W_short^T

  using Basis = OrthonormalBasis<Linalg>;
  Basis tall_side(std::move(reflectors), std::move(small.u));
  Basis short_side(std::move(small.v));
  Factorisation<Linalg> result;
  result.singular_values = std::move(small.sigma);
  result.left.emplace(std::move(more_rows ? tall_side : short_side));
  result.right.emplace(std::move(more_rows ? short_side : tall_side));
  result.method = "dense";
  return result;
}

} // namespace anagram
