// J through the square factor of its long side: Householder QR, then what is known of the triangle.
#pragma once

#include "anagram/solver/factorisation.hpp"

#include <utility>

namespace anagram {

// R [n, n] = U sigma V^T, all n singular values.
template <class Linalg>
Factorisation<Linalg> factorise_dense(Linalg &linalg, typename Linalg::Matrix triangle) {
  auto small = linalg.svd(std::move(triangle));
  Factorisation<Linalg> result;
  result.singular_values = std::move(small.sigma);
  result.left.emplace(std::move(small.left));
  result.right.emplace(std::move(small.right));
  result.method = "dense";
  return result;
}

// `j_transposed` is J^T [P, S]; it is not modified. The tall one of J and J^T is Q R, and
// factorise_triangle(R) -> Factorisation of R.
template <class Linalg, class FactoriseTriangle>
Factorisation<Linalg> factorise_through_triangle(Linalg &linalg,
                                                 typename Linalg::ConstView j_transposed,
                                                 const FactoriseTriangle &factorise_triangle) {
  const bool more_rows = j_transposed.columns > j_transposed.rows; // S > P
  auto reflectors =
      linalg.qr(more_rows ? linalg.transposed_copy(j_transposed) : linalg.copy(j_transposed));
  auto result = factorise_triangle(linalg.upper_triangle(reflectors));
  result.left->prepend(std::move(reflectors)); // of the tall one
  if (!more_rows)
    std::swap(result.left, result.right);
  return result;
}

} // namespace anagram
