// A Householder QR factorisation that takes its columns block by block, on the device: the mirror
// of cpu/solver/growing_qr.hpp.
#pragma once

#include <cstdint>
#include <vector>

#include "cuda/solver/matrix.hpp"

namespace anagram::cuda {

template <class T> class GrowingQr {
public:
  // At most `capacity` columns of length `rows`, capacity <= rows; memory is taken as it fills.
  GrowingQr(int64_t rows, int64_t capacity, const Queue &queue)
      : queue_(queue), rows_(rows), scales_(capacity, 1, queue) {}

  // Where the next `count` columns are to be written before append(count).
  MatrixView<T> next(int64_t count);
  void append(int64_t count); // waits for the stream

  int64_t columns() const { return static_cast<int64_t>(diagonal_.size()); }
  double diagonal(int64_t j) const { return diagonal_[static_cast<size_t>(j)]; } // |R_jj|

  // The first `count` columns of Q as a matrix [rows, count].
  DeviceMatrix<T> form_q(int64_t count) const;

private:
  Queue queue_;
  int64_t rows_;
  std::vector<DeviceMatrix<T>> panels_; // [rows, count] each; R on and above the diagonal
  DeviceMatrix<T> scales_;              // factors tau of the reflectors [capacity, 1]
  std::vector<double> diagonal_;        // on the host: find_range looks at each of them
};

extern template class GrowingQr<double>;
extern template class GrowingQr<float>;

} // namespace anagram::cuda
