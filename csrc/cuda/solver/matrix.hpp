// Column-major matrices in device memory.
#pragma once

#include "anagram/solver/matrix.hpp"
#include "cuda/runtime/buffer.hpp"

namespace anagram::cuda {

// The mirror of HostMatrix; given back in the order of the queue it was made on.
template <class T> class DeviceMatrix {
public:
  DeviceMatrix() = default;
  DeviceMatrix(int64_t rows, int64_t columns, const Queue &queue)
      : memory_(rows * columns, queue), rows_(rows), columns_(columns) {}

  // Drops the columns from `count` on; those before stay where they are.
  void keep_columns(int64_t count) { columns_ = count; }

  int64_t rows() const { return rows_; }
  int64_t columns() const { return columns_; }
  MatrixView<T> view() { return {memory_.data(), rows_, columns_, rows_}; }
  MatrixView<const T> view() const { return {memory_.data(), rows_, columns_, rows_}; }

private:
  Buffer<T> memory_;
  int64_t rows_ = 0;
  int64_t columns_ = 0;
};

template <class T> void copy(MatrixView<const T> from, MatrixView<T> to, const Queue &queue);
template <class T> void set_zero(MatrixView<T> a, const Queue &queue);

} // namespace anagram::cuda
