// A long matrix with orthonormal columns, kept as a product.
//
// A step needs U^T r and V y for a few vectors, never U or V themselves. Each is a long orthonormal
// matrix times a small one, Q W. The long one is stored the way the algorithm got it: as
// Householder reflectors, as a matrix, or not at all (identity).
#pragma once

#include "anagram/solver/matrix.hpp"

#include <cstdint>
#include <utility>

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

} // namespace anagram
