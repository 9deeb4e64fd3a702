// J as a sequence of row tiles that are generated, used and dropped: an operand of the adaptive
// factorisation that needs memory for one tile.
#pragma once

#include "anagram/solver/matrix.hpp"

#include <cstdint>
#include <functional>
#include <vector>

namespace anagram {

template <class T> class TiledJacobian {
public:
  using View = MatrixView<T>;
  using ConstView = MatrixView<const T>;
  // Generates tile i as the view of its transpose [P, rows of the tile], valid until the next call.
  using Source = std::function<ConstView(std::int64_t)>;

  TiledJacobian(std::vector<std::int64_t> tile_rows, std::int64_t columns, Source source);

  std::int64_t rows() const { return rows_; }
  std::int64_t columns() const { return columns_; }
  double norm() const { return norm_; } // of the last pass over the tiles

  void times(ConstView y, View x);            // x [S, n] = J y
  void transposed_times(ConstView x, View y); // y [P, n] = J^T x

private:
  // Calls use(tile, first row of it) for every tile, after a check that it is finite.
  void for_each_tile(const std::function<void(ConstView, std::int64_t)> &use);

  std::vector<std::int64_t> tile_rows_;
  std::int64_t rows_ = 0;
  std::int64_t columns_;
  Source source_;
  double norm_ = 0;
};

extern template class TiledJacobian<double>;
extern template class TiledJacobian<float>;

} // namespace anagram
