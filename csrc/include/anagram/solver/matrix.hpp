// Column-major matrices: a view of somebody's memory, and one that owns its memory on the host.
#pragma once

#include "anagram/macros.hpp"

#include <cstdint>
#include <memory>
#include <type_traits>

namespace anagram {

// Element (i, j) lies at data[i + j * stride]. A row-major J [S, P] is the view of J^T [P, S].
template <class T> struct MatrixView {
  T *data = nullptr;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t stride = 0;

  ANAGRAM_HD T &operator()(std::int64_t i, std::int64_t j) const { return data[i + j * stride]; }

  // The columns [first, first + count).
  MatrixView column_range(std::int64_t first, std::int64_t count) const {
    return {data + first * stride, rows, count, stride};
  }
  // The rows [first, first + count).
  MatrixView row_range(std::int64_t first, std::int64_t count) const {
    return {data + first, count, columns, stride};
  }
  // The same to read only. A template, for a view that is that already has no use for it.
  template <class U, class = std::enable_if_t<std::is_same_v<U, const T> && !std::is_same_v<U, T>>>
  operator MatrixView<U>() const {
    return {data, rows, columns, stride};
  }
};

// Memory is left uninitialised: whoever allocates writes it.
template <class T> class HostMatrix {
public:
  HostMatrix() = default;
  HostMatrix(std::int64_t rows, std::int64_t columns)
      : memory_(new T[static_cast<std::size_t>(rows * columns)]), rows_(rows), columns_(columns) {}

  // Drops the columns from `count` on; those before stay where they are.
  void keep_columns(std::int64_t count) { columns_ = count; }

  std::int64_t rows() const { return rows_; }
  std::int64_t columns() const { return columns_; }
  MatrixView<T> view() { return {memory_.get(), rows_, columns_, rows_}; }
  MatrixView<const T> view() const { return {memory_.get(), rows_, columns_, rows_}; }

private:
  std::unique_ptr<T[]> memory_;
  std::int64_t rows_ = 0;
  std::int64_t columns_ = 0;
};

} // namespace anagram
