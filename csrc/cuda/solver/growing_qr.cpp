#include "cuda/solver/growing_qr.hpp"

#include <algorithm>
#include <cmath>

#include "cuda/runtime/range.hpp"
#include "cuda/solver/cusolver.hpp"

namespace anagram::cuda {

template <class T> MatrixView<T> GrowingQr<T>::next(int64_t count) {
  return panels_.emplace_back(rows_, count, queue_).view();
}

template <class T> void GrowingQr<T>::append(int64_t count) {
  const Range range("anagram: QR of a sketch");
  const Solver solver(queue_);
  const MatrixView<T> added = panels_.back().view();
  T *const scales = scales_.view().data;
  int64_t first = 0; // column of a panel, which is also the row where its reflectors begin
  const auto from_first = [&](auto panel) { return panel.row_range(first, rows_ - first); };
  for (const DeviceMatrix<T> &panel : panels_) {
    if (first == columns())
      break; // the new one
    solver.ormqr(op_t, from_first(panel.view()), scales + first, from_first(added));
    first += panel.columns();
  }
  // Rows above hold R now; what the earlier columns do not span is in the rows below.
  solver.geqrf(from_first(added), scales + first);
  for (const T entry : read_back<T>(from_first(added).data, count, queue_, added.stride + 1))
    diagonal_.push_back(std::abs(static_cast<double>(entry)));
}

template <class T> DeviceMatrix<T> GrowingQr<T>::form_q(int64_t count) const {
  DeviceMatrix<T> q(rows_, count, queue_);
  int64_t first = 0;
  for (const DeviceMatrix<T> &panel : panels_) {
    const int64_t taken = std::min(panel.columns(), count - first);
    copy<T>(panel.view().column_range(0, taken), q.view().column_range(first, taken), queue_);
    first += taken;
  }
  Solver(queue_).orgqr(q.view(), scales_.view().data);
  return q;
}

template class GrowingQr<double>;
template class GrowingQr<float>;

} // namespace anagram::cuda
