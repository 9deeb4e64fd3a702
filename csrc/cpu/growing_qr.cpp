#include "cpu/growing_qr.hpp"

#include "cpu/lapack_calls.hpp"

#include <algorithm>
#include <cmath>

namespace anagram {

template <class T>
GrowingQr<T>::GrowingQr(std::int64_t rows, std::int64_t capacity)
    : reflectors_(rows, capacity), triangles_(block, capacity) {}

template <class T> MatrixView<T> GrowingQr<T>::next(std::int64_t count) {
  return reflectors_.view().column_range(columns_, count);
}

template <class T> void GrowingQr<T>::append(std::int64_t count) {
  using ConstView = MatrixView<const T>;
  const MatrixView<T> added = next(count);
  if (columns_ > 0)
    gemqrt(Transpose::yes, ConstView(reflectors_.view().column_range(0, columns_)),
           ConstView(triangles_.view().column_range(0, columns_)), added);
  // Rows above hold R now; what the earlier columns do not span is in the rows below.
  const MatrixView<T> remainder = added.row_range(columns_, added.rows - columns_);
  const std::int64_t height = std::min(block, count);
  geqrt(remainder, triangles_.view().column_range(columns_, count).row_range(0, height));
  columns_ += count;
}

template <class T> double GrowingQr<T>::diagonal(std::int64_t j) const {
  return std::abs(static_cast<double>(reflectors_.view()(j, j)));
}

template <class T> HostMatrix<T> GrowingQr<T>::form_q(std::int64_t count) const {
  HostMatrix<T> q(reflectors_.rows(), count);
  std::vector<T> scales(static_cast<std::size_t>(count));
  for (std::int64_t j = 0; j < count; ++j) {
    std::copy_n(&reflectors_.view()(0, j), q.rows(), &q.view()(0, j));
    // A blocked reflector I - V T V^T has its single factors on the diagonal of T.
    scales[static_cast<std::size_t>(j)] = triangles_.view()(j % block, j);
  }
  orgqr(q.view(), scales);
  return q;
}

template class GrowingQr<double>;
template class GrowingQr<float>;

} // namespace anagram
