// J as a sequence of row tiles that are generated, used and dropped: an operand of the adaptive
// factorisation that needs memory for one tile.
#pragma once

#include "anagram/solver/operand.hpp"

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
  double norm() const { return norm_; } // of the first pass over the tiles

  // From now on this is factor * J.
  void scale_by(double factor) {
    factor_ = factor;
    is_measured_ = false;
  }

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
  // Calls use(tile, first row of it) for every tile. The first time they are measured, too: throws
  // NonFiniteInput, and OutOfScale at the end. Nobody waits between measuring a tile and using it.
  template <class Use> void for_each_tile(const Use &use) {
    Magnitude total;
    std::int64_t first_row = 0;
    for (std::size_t i = 0; i < tile_rows_.size(); ++i) {
      const ConstView tile = source_(static_cast<std::int64_t>(i));
      if (tile.rows != columns_ || tile.columns != tile_rows_[i])
        throw_wrong_shape(i, tile);
      if (factor_ == 1) {
        total += used(tile, first_row, use);
      } else {
        const Matrix scaled = linalg_.scaled_copy(tile, factor_);
        total += used(scaled.view(), first_row, use);
      }
      first_row += tile.columns;
    }
    if (!is_measured_)
      norm_ = factor_ == 1 ? frobenius_norm<typename Linalg::Scalar>(total)
                           : std::sqrt(total.sum_of_squares);
    is_measured_ = true;
  }

  // The size of the tile, where it is not known.
  template <class Use>
  Magnitude used(ConstView tile, std::int64_t first_row, const Use &use) const {
    if (is_measured_) {
      use(tile, first_row);
      return {};
    }
    const auto measured = linalg_.measured(tile, "J", first_row);
    use(tile, first_row);
    return measured.get();
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
  bool is_measured_ = false;
};

} // namespace anagram
