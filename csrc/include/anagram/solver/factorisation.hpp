// What every factorisation path returns: J = U diag(sigma) V^T, as operations on vectors.
//
// `Linalg` supplies the memory and the dense operations of one device; see
// csrc/cpu/solver/linalg.hpp.
#pragma once

#include "anagram/solver/basis.hpp"

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace anagram {

template <class Linalg> struct Factorisation {
  using Scalar = typename Linalg::Scalar;
  using View = typename Linalg::View;
  using ConstView = typename Linalg::ConstView;
  using Basis = OrthonormalBasis<Linalg>;

  std::vector<Scalar> singular_values; // [k], descending
  std::optional<Basis> left;           // U [S, k]
  std::optional<Basis> right;          // V [P, k]
  // One of the two may be missing. It is then the image of the other: U = J V / sigma or
  // V = J^T U / sigma, through this J^T [P, S], memory of the caller.
  ConstView j_transposed;
  const char *method; // which path computed it: "dense" or "adaptive"
  // Dimension of the subspace in which they were looked for, k or more: it makes the cost.
  std::int64_t searched;

  std::int64_t rank() const { return static_cast<std::int64_t>(singular_values.size()); }
  std::int64_t rows() const { return left ? left->length() : j_transposed.columns; }
  std::int64_t columns() const { return right ? right->length() : j_transposed.rows; }

  // y [k, n] = U^T r,  r [S, n]
  void project(Linalg &linalg, ConstView r, View y) const {
    if (left)
      return left->project(linalg, r, y);
    auto pulled = linalg.allocate(columns(), r.columns);
    linalg.multiply(j_transposed, r, pulled.view());
    right->project(linalg, pulled.view(), y);
    linalg.divide_rows(y, singular_values);
  }

  // x [P, n] = V y,  y [k, n]
  void expand(Linalg &linalg, ConstView y, View x) const {
    if (right)
      return right->expand(linalg, y, x);
    auto scaled = linalg.copy(y);
    linalg.divide_rows(scaled.view(), singular_values);
    auto pushed = linalg.allocate(rows(), y.columns);
    left->expand(linalg, scaled.view(), pushed.view());
    linalg.multiply(j_transposed, pushed.view(), x);
  }

  // y [k, n] = V^T x,  x [P, n]
  void pull(Linalg &linalg, ConstView x, View y) const {
    if (right)
      return right->project(linalg, x, y);
    auto image = linalg.allocate(rows(), x.columns); // J x
    linalg.multiply_transposed(j_transposed, x, image.view());
    left->project(linalg, image.view(), y);
    linalg.divide_rows(y, singular_values);
  }

  // r [S, n] = U y,  y [k, n]
  void push(Linalg &linalg, ConstView y, View r) const {
    if (left)
      return left->expand(linalg, y, r);
    auto scaled = linalg.copy(y);
    linalg.divide_rows(scaled.view(), singular_values);
    auto expanded = linalg.allocate(columns(), y.columns);
    right->expand(linalg, scaled.view(), expanded.view());
    linalg.multiply_transposed(j_transposed, expanded.view(), r);
  }
};

} // namespace anagram
