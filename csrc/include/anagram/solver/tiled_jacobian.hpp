// J as a sequence of row tiles that are generated, used and dropped: an operand of the adaptive
// factorisation that needs memory for one tile.
#pragma once

#include "anagram/solver/magnitude.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace anagram {

// Thrown by the first pass over the tiles: squares of the elements overflow or vanish, those of
// scale * J do not.
struct OutOfScale {
  double scale;
};

template <class Linalg> class TiledJacobian {
public:
  using Matrix = typename Linalg::Matrix;
  using View = typename Linalg::View;
  using ConstView = typename Linalg::ConstView;
  // Generates tile i as the view of its transpose [P, rows of the tile], valid until the next call.
  using Source = std::function<ConstView(std::int64_t)>;

  TiledJacobian(Linalg &linalg, std::vector<std::int64_t> tile_rows, std::int64_t columns,
                Source source)
      : linalg_(linalg), tile_rows_(std::move(tile_rows)),
        rows_(std::accumulate(tile_rows_.begin(), tile_rows_.end(), std::int64_t{0})),
        columns_(columns), source_(std::move(source)) {}

  std::int64_t rows() const { return rows_; }
  std::int64_t columns() const { return columns_; }
  double norm() const { return norm_; } // of the last pass over the tiles

  // From now on this is factor * J.
  void scale_by(double factor) { factor_ = factor; }

  void times(ConstView y, View x) { // x [S, n] = J y
    for_each_tile([&](ConstView tile, std::int64_t first_row) {
      linalg_.multiply_transposed(tile, y, x.row_range(first_row, tile.columns));
    });
  }

  void transposed_times(ConstView x, View y) { // y [P, n] = J^T x
    linalg_.set_zero(y);
    for_each_tile([&](ConstView tile, std::int64_t first_row) {
      linalg_.multiply_add(tile, x.row_range(first_row, tile.columns), y);
    });
  }

private:
  // Calls use(tile, first row of it) for every tile, after a check that it is finite.
  template <class Use> void for_each_tile(const Use &use) {
    double sum_of_squares = 0, largest = 0;
    std::int64_t first_row = 0;
    for (std::size_t i = 0; i < tile_rows_.size(); ++i) {
      const ConstView tile = source_(static_cast<std::int64_t>(i));
      if (tile.rows != columns_ || tile.columns != tile_rows_[i])
        throw_wrong_shape(i, tile);
      Magnitude magnitude = linalg_.checked_magnitude(tile, "J", first_row);
      largest = std::max(largest, magnitude.largest);
      if (factor_ == 1) {
        use(tile, first_row);
      } else {
        const Matrix scaled = linalg_.scaled_copy(tile, factor_);
        magnitude = linalg_.checked_magnitude(scaled.view(), "J", first_row);
        use(scaled.view(), first_row);
      }
      sum_of_squares += magnitude.sum_of_squares;
      first_row += tile.columns;
    }
    if (const double scale = safe_scale<typename Linalg::Scalar>(largest);
        scale != 1 && factor_ == 1)
      throw OutOfScale{scale};
    norm_ = std::sqrt(sum_of_squares);
  }

  [[noreturn]] void throw_wrong_shape(std::size_t i, ConstView tile) const {
    const auto shape = [](std::int64_t rows, std::int64_t columns) {
      return "[" + std::to_string(rows) + ", " + std::to_string(columns) + "]";
    };
    throw std::invalid_argument("tile " + std::to_string(i) + " must be " +
                                shape(tile_rows_[i], columns_) + ", got " +
                                shape(tile.columns, tile.rows));
  }

  Linalg &linalg_;
  std::vector<std::int64_t> tile_rows_;
  std::int64_t rows_ = 0;
  std::int64_t columns_;
  Source source_;
  double norm_ = 0, factor_ = 1;
};

} // namespace anagram
