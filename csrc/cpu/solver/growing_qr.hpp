// A Householder QR factorisation that takes its columns block by block.
//
// Reflectors orthogonalise to working precision however dependent the columns are, so that nothing
// has to be done twice; and the diagonal of R says at once what a block added.
#pragma once

#include "anagram/solver/matrix.hpp"

#include <cstdint>
#include <vector>

namespace anagram {

template <class T> class GrowingQr {
public:
  static constexpr std::int64_t block = 32; // columns of a blocked reflector in LAPACK

  // At most `capacity` columns of length `rows`, capacity <= rows; memory is touched as it fills.
  GrowingQr(std::int64_t rows, std::int64_t capacity);

  // Where the next `count` columns are to be written before append(count).
  MatrixView<T> next(std::int64_t count);
  void append(std::int64_t count);

  std::int64_t columns() const { return columns_; }
  double diagonal(std::int64_t j) const; // |R_jj|

  // The first `count` columns of Q as a matrix [rows, count].
  HostMatrix<T> form_q(std::int64_t count) const;

private:
  struct Panel { // the columns of one append
    std::int64_t first;
    std::int64_t count;
    std::int64_t height() const { return count < block ? count : block; } // of its triangles
  };
  MatrixView<T> reflectors_of(const Panel &panel);
  MatrixView<T> triangles_of(const Panel &panel);

  HostMatrix<T> reflectors_; // [rows, capacity]; R on and above the diagonal
  HostMatrix<T> triangles_;  // [block, capacity]
  std::vector<Panel> panels_;
  std::int64_t columns_ = 0;
};

extern template class GrowingQr<double>;
extern template class GrowingQr<float>;

} // namespace anagram
