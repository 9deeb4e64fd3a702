#include "cpu/solver/reflectors.hpp"

#include "cpu/pool.hpp"

#include <algorithm>
#include <utility>

namespace anagram {
namespace {

constexpr double worth_waking = 4e7; // operations that pay for waking a worker: a millisecond

// A power of two, so that the strips of the strips come out even. Each is three times as long as
// wide or more: the stacked triangles then cost less than a third of it all.
std::int64_t strip_count(std::int64_t rows, std::int64_t columns) {
  const double operations = 2.0 * static_cast<double>(rows * columns * columns);
  std::int64_t count = 1;
  while (2 * count * 3 * columns <= rows && operations > worth_waking * static_cast<double>(count))
    count *= 2;
  return count;
}

// The upper triangle [n, n] of the first rows of `from`, zeros below.
template <class T> void copy_triangle(MatrixView<const T> from, MatrixView<T> to) {
  for (std::int64_t j = 0; j < to.columns; ++j) {
    std::copy_n(&from(0, j), j + 1, &to(0, j));
    std::fill_n(&to(0, j) + j + 1, to.rows - j - 1, T(0));
  }
}

// Runs task(strip) for all strips, side by side if there are `work` operations to share.
template <class Task> void for_strips(std::size_t count, double work, const Task &task) {
  parallel_for(static_cast<std::int64_t>(count), work > worth_waking ? num_threads() : 1,
               [&](std::int64_t i, int) { task(static_cast<std::size_t>(i)); });
}

} // namespace

template <class T> HostReflectors<T> HostReflectors<T>::of_qr(HostMatrix<T> a) {
  HostReflectors q;
  q.vectors_ = std::move(a);
  const MatrixView<T> all = q.vectors_.view();
  const std::int64_t n = all.columns, count = strip_count(all.rows, n);
  for (std::int64_t s = 0; s < count; ++s) {
    const std::int64_t first = s * all.rows / count, end = (s + 1) * all.rows / count;
    q.strips_.push_back({first, end - first, HostMatrix<T>(block(n), n)});
  }
  const double work = 2.0 * static_cast<double>(all.rows * n * n);
  for_strips(q.strips_.size(), work, [&](std::size_t s) {
    Strip &strip = q.strips_[s];
    geqrt(all.row_range(strip.first_row, strip.rows), strip.triangles.view());
  });
  if (count > 1) {
    HostMatrix<T> stacked(count * n, n);
    for (std::int64_t s = 0; s < count; ++s)
      copy_triangle(
          MatrixView<const T>(all.row_range(q.strips_[static_cast<std::size_t>(s)].first_row, n)),
          stacked.view().row_range(s * n, n));
    q.top_ = std::make_unique<HostReflectors>(of_qr(std::move(stacked)));
  }
  return q;
}

template <class T>
HostReflectors<T>::HostReflectors(HostMatrix<T> vectors, const std::vector<T> &scales,
                                  std::int64_t first_row)
    : vectors_(std::move(vectors)), first_row_(first_row) {
  HostMatrix<T> triangles(block(vectors_.columns()), vectors_.columns());
  if (vectors_.columns() > 0) {
    larft(MatrixView<const T>(vectors_.view()), scales, triangles.view());
    strips_.push_back({0, vectors_.rows(), std::move(triangles)});
  }
}

template <class T> HostMatrix<T> HostReflectors<T>::upper_triangle() const {
  if (top_)
    return top_->upper_triangle();
  HostMatrix<T> triangle(vectors_.columns(), vectors_.columns());
  copy_triangle(vectors_.view().row_range(0, vectors_.columns()), triangle.view());
  return triangle;
}

template <class T> void HostReflectors<T>::apply(Transpose op, MatrixView<T> c) const {
  const MatrixView<T> acted_on = c.row_range(first_row_, vectors_.rows());
  if (op == Transpose::yes) // Q^T: the strips first
    apply_strips(op, acted_on);
  if (top_)
    apply_top(op, acted_on);
  if (op == Transpose::no)
    apply_strips(op, acted_on);
}

template <class T> void HostReflectors<T>::apply_strips(Transpose op, MatrixView<T> c) const {
  const double work = 4.0 * static_cast<double>(vectors_.rows() * vectors_.columns() * c.columns);
  for_strips(strips_.size(), work, [&](std::size_t s) {
    const Strip &strip = strips_[s];
    gemqrt(op, vectors_.view().row_range(strip.first_row, strip.rows),
           MatrixView<const T>(strip.triangles.view()), c.row_range(strip.first_row, strip.rows));
  });
}

// On the first n rows of every strip, which Q^T leaves in the first n rows of all.
template <class T> void HostReflectors<T>::apply_top(Transpose op, MatrixView<T> c) const {
  const std::int64_t n = vectors_.columns();
  HostMatrix<T> stacked(top_->rows(), c.columns);
  const auto copy_strips = [&](auto copy) {
    for (std::size_t s = 0; s < strips_.size(); ++s)
      for (std::int64_t j = 0; j < c.columns; ++j)
        copy(&c(strips_[s].first_row, j), &stacked.view()(static_cast<std::int64_t>(s) * n, j));
  };
  copy_strips([n](const T *from, T *to) { std::copy_n(from, n, to); });
  top_->apply(op, stacked.view());
  copy_strips([n](T *to, const T *from) { std::copy_n(from, n, to); });
}

template class HostReflectors<double>;
template class HostReflectors<float>;

} // namespace anagram
