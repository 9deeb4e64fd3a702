// J as the adaptive factorisation sees it: something that multiplies blocks of vectors.
//
// An operand has rows() = S, columns() = P, norm() = |J|_F (asked after the first product), and
//   times(y, x):             x [S, n] = J y,    y [P, n]
//   transposed_times(x, y):  y [P, n] = J^T x,  x [S, n]
#pragma once

#include "anagram/solver/magnitude.hpp"

#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>

namespace anagram {

// Squares of the elements of J overflow or vanish, those of scale * J do not.
struct OutOfScale {
  double scale;
};

// |J|_F. Throws OutOfScale where its squares tell nothing.
template <class T> double frobenius_norm(const Magnitude &magnitude) {
  if (const double scale = safe_scale<T>(magnitude.largest); scale != 1)
    throw OutOfScale{scale};
  return std::sqrt(magnitude.sum_of_squares);
}

// J in memory, row-major, as the view of its transpose. With a norm that is known, or measured when
// it is first asked for: throws NonFiniteInput or OutOfScale then.
template <class Linalg> class StoredJacobian {
public:
  using View = typename Linalg::View;
  using ConstView = typename Linalg::ConstView;

  StoredJacobian(Linalg &linalg, ConstView j_transposed, double norm)
      : linalg_(linalg), j_transposed_(j_transposed), norm_(norm) {}

  // It is measured from now on, and asked for the result when somebody needs it.
  StoredJacobian(Linalg &linalg, ConstView j_transposed)
      : linalg_(linalg), j_transposed_(j_transposed),
        measured_(linalg.measured(j_transposed, "J")) {}

  std::int64_t rows() const { return j_transposed_.columns; }
  std::int64_t columns() const { return j_transposed_.rows; }
  double norm() {
    if (measured_) {
      norm_ = frobenius_norm<typename Linalg::Scalar>(measured_->get());
      measured_.reset();
    }
    return norm_;
  }
  ConstView j_transposed() const { return j_transposed_; }

  void times(ConstView y, View x) { linalg_.multiply_transposed(j_transposed_, y, x); }
  void transposed_times(ConstView x, View y) { linalg_.multiply(j_transposed_, x, y); }

private:
  Linalg &linalg_;
  ConstView j_transposed_;
  std::optional<decltype(std::declval<Linalg &>().measured(ConstView{}, ""))> measured_;
  double norm_ = 0;
};

} // namespace anagram
