// A long matrix with orthonormal columns, kept as a product.
//
// A step needs U^T r and V y for a few vectors, never U or V themselves. Each is a chain of
// orthonormal factors Q_1 Q_2 ... Q_n that shrinks from the long side to the rank; every factor is
// stored the way the algorithm got it, as Householder reflectors or as a matrix.
#pragma once

#include "anagram/solver/matrix.hpp"

#include <cstdint>
#include <utility>
#include <variant>
#include <vector>

namespace anagram {

template <class Linalg> class OrthonormalBasis {
public:
  using Matrix = typename Linalg::Matrix;
  using View = typename Linalg::View;
  using ConstView = typename Linalg::ConstView;
  using Reflectors = typename Linalg::Reflectors;

  // The last factor, whose columns the coefficients of a vector belong to.
  explicit OrthonormalBasis(Matrix last) : last_(std::move(last)) {}

  // factor [rows, columns] from the left: what was a basis of its columns becomes one of its rows.
  void prepend(Matrix factor) { factors_.emplace_back(std::move(factor)); }
  void prepend(Reflectors factor) { factors_.emplace_back(std::move(factor)); }

  std::int64_t length() const {
    if (factors_.empty())
      return last_.rows();
    return std::visit([](const auto &factor) { return factor.rows(); }, factors_.back());
  }
  std::int64_t size() const { return last_.columns(); }
  void keep_columns(std::int64_t count) { last_.keep_columns(count); }

  // y [k, n] = basis^T x,  x [length, n]
  void project(Linalg &linalg, ConstView x, View y) const {
    project_from(factors_.size(), linalg, x, y);
  }

  // x [length, n] = basis y,  y [k, n]
  void expand(Linalg &linalg, ConstView y, View x) const {
    expand_from(factors_.size(), linalg, y, x);
  }

private:
  // Both with the outermost `count` factors still to be applied.
  void project_from(std::size_t count, Linalg &linalg, ConstView x, View y) const {
    if (count == 0)
      return linalg.multiply_transposed(last_.view(), x, y);
    std::visit(
        [&](const auto &factor) {
          const Matrix inner = projected(linalg, factor, x);
          project_from(count - 1, linalg, inner.view().row_range(0, factor.columns()), y);
        },
        factors_[count - 1]);
  }

  void expand_from(std::size_t count, Linalg &linalg, ConstView y, View x) const {
    if (count == 0)
      return linalg.multiply(last_.view(), y, x);
    if (const auto *matrix = std::get_if<Matrix>(&factors_[count - 1])) {
      Matrix inner = linalg.allocate(matrix->columns(), y.columns);
      expand_from(count - 1, linalg, y, inner.view());
      return linalg.multiply(matrix->view(), inner.view(), x);
    }
    const auto &reflectors = std::get<Reflectors>(factors_[count - 1]);
    expand_from(count - 1, linalg, y, x.row_range(0, reflectors.columns()));
    linalg.set_zero(x.row_range(reflectors.columns(), x.rows - reflectors.columns()));
    linalg.apply(reflectors, x);
  }

  // factor^T x in the first rows of the result.
  static Matrix projected(Linalg &linalg, const Matrix &factor, ConstView x) {
    Matrix inner = linalg.allocate(factor.columns(), x.columns);
    linalg.multiply_transposed(factor.view(), x, inner.view());
    return inner;
  }
  static Matrix projected(Linalg &linalg, const Reflectors &factor, ConstView x) {
    Matrix full = linalg.copy(x);
    linalg.apply_transposed(factor, full.view());
    return full;
  }

  std::vector<std::variant<Matrix, Reflectors>> factors_; // the outermost one last
  Matrix last_;                                           // [l, k]
};

} // namespace anagram
