#include "cpu/tiled_jacobian.hpp"

#include "cpu/linalg.hpp"
#include "cpu/magnitude.hpp"

#include <cmath>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>

namespace anagram {

template <class T>
TiledJacobian<T>::TiledJacobian(std::vector<std::int64_t> tile_rows, std::int64_t columns,
                                Source source)
    : tile_rows_(std::move(tile_rows)),
      rows_(std::accumulate(tile_rows_.begin(), tile_rows_.end(), std::int64_t{0})),
      columns_(columns), source_(std::move(source)) {}

template <class T>
void TiledJacobian<T>::for_each_tile(const std::function<void(ConstView, std::int64_t)> &use) {
  double sum_of_squares = 0;
  std::int64_t first_row = 0;
  for (std::size_t i = 0; i < tile_rows_.size(); ++i) {
    const ConstView tile = source_(static_cast<std::int64_t>(i));
    if (tile.rows != columns_ || tile.columns != tile_rows_[i])
      throw std::invalid_argument("tile " + std::to_string(i) + ": expected [" +
                                  std::to_string(tile_rows_[i]) + ", " + std::to_string(columns_) +
                                  "], got [" + std::to_string(tile.columns) + ", " +
                                  std::to_string(tile.rows) + "]");
    sum_of_squares += checked_magnitude(tile, "J", first_row).sum_of_squares;
    use(tile, first_row);
    first_row += tile.columns;
  }
  norm_ = std::sqrt(sum_of_squares);
}

template <class T> void TiledJacobian<T>::times(ConstView y, View x) {
  const HostLinalg<T> linalg;
  for_each_tile([&](ConstView tile, std::int64_t first_row) {
    linalg.multiply_transposed(tile, y, x.row_range(first_row, tile.columns));
  });
}

template <class T> void TiledJacobian<T>::transposed_times(ConstView x, View y) {
  const HostLinalg<T> linalg;
  linalg.set_zero(y);
  for_each_tile([&](ConstView tile, std::int64_t first_row) {
    linalg.multiply_add(tile, x.row_range(first_row, tile.columns), y);
  });
}

template class TiledJacobian<double>;
template class TiledJacobian<float>;

} // namespace anagram
