// J as the adaptive factorisation sees it: something that multiplies blocks of vectors.
//
// An operand has rows() = S, columns() = P, norm() = |J|_F (asked after the first product), and
//   times(y, x):             x [S, n] = J y,    y [P, n]
//   transposed_times(x, y):  y [P, n] = J^T x,  x [S, n]
#pragma once

#include <cstdint>

namespace anagram {

// J in memory, row-major, as the view of its transpose.
template <class Linalg> class StoredJacobian {
public:
  using View = typename Linalg::View;
  using ConstView = typename Linalg::ConstView;

  StoredJacobian(Linalg &linalg, ConstView j_transposed, double norm)
      : linalg_(linalg), j_transposed_(j_transposed), norm_(norm) {}

  std::int64_t rows() const { return j_transposed_.columns; }
  std::int64_t columns() const { return j_transposed_.rows; }
  double norm() const { return norm_; }
  ConstView j_transposed() const { return j_transposed_; }

  void times(ConstView y, View x) { linalg_.multiply_transposed(j_transposed_, y, x); }
  void transposed_times(ConstView x, View y) { linalg_.multiply(j_transposed_, x, y); }

private:
  Linalg &linalg_;
  ConstView j_transposed_;
  double norm_;
};

} // namespace anagram
