// J through the square factor of its long side: Householder QR, then an SVD of the triangle.
#pragma once

#include "anagram/solver/factorisation.hpp"

#include <utility>

namespace anagram {

// All min(S, P) singular values. `j_transposed` is J^T [P, S]; it is not modified.
template <class Linalg>
Factorisation<Linalg> factorise_dense(Linalg &linalg, typename Linalg::ConstView j_transposed) {
  const bool more_rows = j_transposed.columns > j_transposed.rows; // S > P
  auto reflectors =                                                // of the tall one of J and J^T
      linalg.qr(more_rows ? linalg.transposed_copy(j_transposed) : linalg.copy(j_transposed));
  auto small = linalg.svd(linalg.upper_triangle(reflectors));
  small.left.prepend(std::move(reflectors));
  Factorisation<Linalg> result;
  result.singular_values = std::move(small.sigma);
  result.left.emplace(std::move(more_rows ? small.left : small.right));
  result.right.emplace(std::move(more_rows ? small.right : small.left));
  result.method = "dense";
  return result;
}

} // namespace anagram
