#include "cpu/linalg.hpp"

#include "anagram/solver/random.hpp"
#include "cpu/lapack_calls.hpp"
#include "cpu/pool.hpp"

#include <algorithm>

namespace anagram {
namespace {

// c = op(a) b + keep * c by row strips of c, a strip a task. OpenBLAS's own threads spin while they
// wait, which is ruinous when cores are shared; and its partition would change the last bits with
// the number of threads, which fixed strips do not.
template <class T>
void multiply_strips(Transpose op, MatrixView<const T> a, MatrixView<const T> b, T keep,
                     MatrixView<T> c) {
  constexpr std::int64_t strip = 512;
  constexpr double worth_waking = 2e7; // operations: about a millisecond
  const double operations = 2.0 * static_cast<double>(c.rows) * static_cast<double>(c.columns) *
                            static_cast<double>(b.rows);
  const std::int64_t strips = (c.rows + strip - 1) / strip;
  const auto task = [&](std::int64_t i, int) {
    const std::int64_t first = i * strip, count = std::min(strip, c.rows - first);
    const auto part =
        op == Transpose::no ? a.row_range(first, count) : a.column_range(first, count);
    gemm(op, part, b, keep, c.row_range(first, count));
  };
  parallel_for(strips, operations > worth_waking ? num_threads() : 1, task);
}

} // namespace

template <class T> HostMatrix<T> HostLinalg<T>::copy(ConstView a) const {
  Matrix result(a.rows, a.columns);
  copy_into(a, result.view());
  return result;
}

template <class T> HostMatrix<T> HostLinalg<T>::transposed_copy(ConstView a) const {
  constexpr std::int64_t tile = 16; // both tiles stay in the L1 cache
  Matrix result(a.columns, a.rows);
  const View to = result.view();
  for (std::int64_t j0 = 0; j0 < a.columns; j0 += tile)
    for (std::int64_t i0 = 0; i0 < a.rows; i0 += tile)
      for (std::int64_t i = i0; i < std::min(i0 + tile, a.rows); ++i)
        for (std::int64_t j = j0; j < std::min(j0 + tile, a.columns); ++j)
          to(j, i) = a(i, j);
  return result;
}

template <class T> HostMatrix<T> HostLinalg<T>::scaled_copy(ConstView a, double factor) const {
  Matrix result = copy(a);
  T *data = result.view().data;
  for (std::int64_t i = 0; i < a.rows * a.columns; ++i)
    data[i] *= static_cast<T>(factor);
  return result;
}

template <class T> void HostLinalg<T>::copy_into(ConstView from, View to) const {
  for (std::int64_t j = 0; j < from.columns; ++j)
    std::copy_n(from.data + j * from.stride, from.rows, to.data + j * to.stride);
}

template <class T> void HostLinalg<T>::set_zero(View a) const {
  for (std::int64_t j = 0; j < a.columns; ++j)
    std::fill_n(a.data + j * a.stride, a.rows, T(0));
}

template <class T> void HostLinalg<T>::fill_random(View a, std::uint64_t seed) const {
  for (std::int64_t j = 0; j < a.columns; ++j)
    for (std::int64_t i = 0; i < a.rows; ++i)
      a(i, j) = static_cast<T>(random_entry(seed, static_cast<std::uint64_t>(i + j * a.rows)));
}

template <class T> void HostLinalg<T>::divide_rows(View a, const std::vector<T> &divisors) const {
  for (std::int64_t j = 0; j < a.columns; ++j)
    for (std::int64_t i = 0; i < a.rows; ++i) {
      const T divisor = divisors[static_cast<std::size_t>(i)];
      a(i, j) = divisor > 0 ? a(i, j) / divisor : T(0);
    }
}

template <class T> void HostLinalg<T>::multiply(ConstView a, ConstView b, View c) const {
  multiply_strips(Transpose::no, a, b, T(0), c);
}

template <class T> void HostLinalg<T>::multiply_add(ConstView a, ConstView b, View c) const {
  multiply_strips(Transpose::no, a, b, T(1), c);
}

template <class T> void HostLinalg<T>::multiply_transposed(ConstView a, ConstView b, View c) const {
  multiply_strips(Transpose::yes, a, b, T(0), c);
}

template <class T> HostReflectors<T> HostLinalg<T>::qr(Matrix a) const {
  Matrix triangles(std::min(GrowingQr::block, a.columns()), a.columns());
  geqrt(a.view(), triangles.view());
  return {std::move(a), std::move(triangles)};
}

template <class T> HostMatrix<T> HostLinalg<T>::upper_triangle(const Reflectors &reflectors) const {
  const std::int64_t n = reflectors.columns();
  const ConstView from = reflectors.below_diagonal.view();
  Matrix triangle(n, n);
  const View to = triangle.view();
  for (std::int64_t j = 0; j < n; ++j) {
    std::copy_n(&from(0, j), j + 1, &to(0, j));
    std::fill_n(&to(0, j) + j + 1, n - j - 1, T(0));
  }
  return triangle;
}

template <class T> void HostLinalg<T>::apply(const Reflectors &reflectors, View c) const {
  gemqrt<T>(Transpose::no, reflectors.below_diagonal.view(), reflectors.triangles.view(), c);
}

template <class T>
void HostLinalg<T>::apply_transposed(const Reflectors &reflectors, View c) const {
  gemqrt<T>(Transpose::yes, reflectors.below_diagonal.view(), reflectors.triangles.view(), c);
}

template <class T> SmallSvd<T, HostMatrix<T>> HostLinalg<T>::svd(Matrix square) const {
  const std::int64_t n = square.columns();
  Matrix u(n, n), v_transposed(n, n);
  std::vector<T> sigma(static_cast<std::size_t>(n));
  gesdd(square.view(), u.view(), sigma, v_transposed.view());
  return {std::move(u), std::move(sigma), transposed_copy(v_transposed.view())};
}

template class HostLinalg<double>;
template class HostLinalg<float>;

} // namespace anagram
