// What every factorisation path returns: J = U diag(sigma) V^T with U and V kept as products.
//
// A step needs U^T r and V y for a few vectors, never U or V themselves. Each is a long orthonormal
// matrix times a small one:  U = Q_left W_left,  V = Q_right W_right. The long one is stored the
// way the path got it: as Householder reflectors, as a matrix, or not at all (identity).
//
// `Linalg` supplies the memory and the dense operations of one device; see csrc/cpu/linalg.hpp.
#pragma once

#include "anagram/solver/matrix.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace anagram {

template <class Linalg> class OrthonormalBasis {
public:
  using Matrix = typename Linalg::Matrix;
  using View = typename Linalg::View;
  using Reflectors = typename Linalg::Reflectors;

  // The columns of `small` themselves.
  explicit OrthonormalBasis(Matrix small) : small_(std::move(small)) {}
  OrthonormalBasis(Matrix explicit_q, Matrix small)
      : kind_(Kind::explicit_matrix), q_(std::move(explicit_q)), small_(std::move(small)) {}
  OrthonormalBasis(Reflectors reflectors, Matrix small)
      : kind_(Kind::reflectors), reflectors_(std::move(reflectors)), small_(std::move(small)) {}

  std::int64_t length() const {
    switch (kind_) {
    case Kind::identity:
      return small_.rows();
    case Kind::explicit_matrix:
      return q_.rows();
    default:
      return reflectors_.rows();
    }
  }
  std::int64_t size() const { return small_.columns(); }

  // y [k, n] = basis^T x,  x [length, n]
  void project(Linalg &linalg, typename Linalg::ConstView x, View y) const {
    if (kind_ == Kind::identity)
      return linalg.multiply_transposed(small_.view(), x, y);
    Matrix inner = linalg.allocate(small_.rows(), x.columns); // Q^T x
    if (kind_ == Kind::explicit_matrix) {
      linalg.multiply_transposed(q_.view(), x, inner.view());
    } else {
      Matrix full = linalg.copy(x);
      linalg.apply_transposed(reflectors_, full.view());
      linalg.copy_into(full.view().row_range(0, small_.rows()), inner.view());
    }
    linalg.multiply_transposed(small_.view(), inner.view(), y);
  }

  // x [length, n] = basis y,  y [k, n]
  void expand(Linalg &linalg, typename Linalg::ConstView y, View x) const {
    if (kind_ == Kind::identity)
      return linalg.multiply(small_.view(), y, x);
    if (kind_ == Kind::explicit_matrix) {
      Matrix inner = linalg.allocate(small_.rows(), y.columns);
      linalg.multiply(small_.view(), y, inner.view());
      return linalg.multiply(q_.view(), inner.view(), x);
    }
    linalg.multiply(small_.view(), y, x.row_range(0, small_.rows()));
    linalg.set_zero(x.row_range(small_.rows(), x.rows - small_.rows()));
    linalg.apply(reflectors_, x);
  }

private:
  enum class Kind { identity, explicit_matrix, reflectors };
  Kind kind_ = Kind::identity;
  Matrix q_;              // [length, l]
  Reflectors reflectors_; // of a [length, l] matrix
  Matrix small_;          // [l, k]
};

template <class Linalg> struct Factorisation {
  using Scalar = typename Linalg::Scalar;

  std::vector<Scalar> singular_values; // [k], descending
  OrthonormalBasis<Linalg> left;       // U [S, k]
  OrthonormalBasis<Linalg> right;      // V [P, k]
  const char *method;                  // which path computed it: "dense" or "adaptive"
};

} // namespace anagram
