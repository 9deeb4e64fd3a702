// An orthonormal factor as Householder reflectors in blocked (compact WY) form.
#pragma once

#include "anagram/solver/matrix.hpp"
#include "cpu/solver/lapack_calls.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

namespace anagram {

// The triangular factors of the blocks are stored, so that applying Q to one vector costs two
// passes over the reflectors and no more.
//
// A long matrix is cut into strips of rows that are factorised side by side; Q of their stacked
// triangles [strips * n, n] follows. The number of strips depends on the sizes alone, so that the
// bits do not depend on the number of threads.
template <class T> class HostReflectors {
public:
  // Columns of a blocked reflector, of n in all. Wide ones make faster products, narrow ones leave
  // more to products.
  static std::int64_t block(std::int64_t n) { return n < 256 ? std::min<std::int64_t>(32, n) : 64; }

  HostReflectors() = default;

  // Q R = a [m, n], m >= n; BLAS should use one thread.
  static HostReflectors of_qr(HostMatrix<T> a);

  // Given reflectors: unit vectors below the diagonal of `vectors` [m, l] and their factors
  // `scales` [l]. They act on the rows from `first_row` on.
  HostReflectors(HostMatrix<T> vectors, const std::vector<T> &scales, std::int64_t first_row);

  std::int64_t rows() const { return first_row_ + vectors_.rows(); }
  std::int64_t columns() const { return first_row_ + vectors_.columns(); }

  // R [n, n] of of_qr
  HostMatrix<T> upper_triangle() const;

  // c <- Q c or Q^T c,  c [rows, k]
  void apply(Transpose op, MatrixView<T> c) const;

private:
  struct Strip {
    std::int64_t first_row;
    std::int64_t rows;
    HostMatrix<T> triangles; // [block(n), n]
  };
  void apply_strips(Transpose op, MatrixView<T> c) const;
  void apply_top(Transpose op, MatrixView<T> c) const;

  HostMatrix<T> vectors_; // [m, n]; with of_qr the R of each strip on and above its diagonal
  std::vector<Strip> strips_;
  std::int64_t first_row_ = 0;
  std::unique_ptr<HostReflectors> top_; // of the stacked triangles, if there are several strips
};

extern template class HostReflectors<double>;
extern template class HostReflectors<float>;

} // namespace anagram
