#include "cpu/solver/growing_qr.hpp"

#include "cpu/solver/lapack_calls.hpp"

#include <algorithm>
#include <cmath>

namespace anagram {

template <class T>
GrowingQr<T>::GrowingQr(std::int64_t rows, std::int64_t capacity)
    : reflectors_(rows, capacity), triangles_(block, capacity) {}

template <class T> MatrixView<T> GrowingQr<T>::next(std::int64_t count) {
  return reflectors_.view().column_range(columns_, count);
}

template <class T> MatrixView<T> GrowingQr<T>::reflectors_of(const Panel &panel) {
  return reflectors_.view()
      .column_range(panel.first, panel.count)
      .row_range(panel.first, reflectors_.rows() - panel.first);
}

template <class T> MatrixView<T> GrowingQr<T>::triangles_of(const Panel &panel) {
  return triangles_.view().column_range(panel.first, panel.count).row_range(0, panel.height());
}

template <class T> void GrowingQr<T>::append(std::int64_t count) {
  using ConstView = MatrixView<const T>;
  const MatrixView<T> added = next(count);
  for (const Panel &panel : panels_)
    gemqrt(Transpose::yes, ConstView(reflectors_of(panel)), ConstView(triangles_of(panel)),
           added.row_range(panel.first, added.rows - panel.first));
  // Rows above hold R now; what the earlier columns do not span is in the rows below.
  panels_.push_back({columns_, count});
  geqrt(reflectors_of(panels_.back()), triangles_of(panels_.back()));
  columns_ += count;
}

template <class T> double GrowingQr<T>::diagonal(std::int64_t j) const {
  return std::abs(static_cast<double>(reflectors_.view()(j, j)));
}

template <class T> HostMatrix<T> GrowingQr<T>::form_q(std::int64_t count) const {
  HostMatrix<T> q(reflectors_.rows(), count);
  for (std::int64_t j = 0; j < count; ++j)
    std::copy_n(&reflectors_.view()(0, j), q.rows(), &q.view()(0, j));
  // A blocked reflector I - V T V^T has its single factors on the diagonal of T.
  std::vector<T> scales;
  for (const Panel &panel : panels_)
    for (std::int64_t j = 0; j < panel.count; ++j)
      scales.push_back(triangles_.view()(j % panel.height(), panel.first + j));
  scales.resize(static_cast<std::size_t>(count));
  orgqr(q.view(), scales);
  return q;
}

template class GrowingQr<double>;
template class GrowingQr<float>;

} // namespace anagram
