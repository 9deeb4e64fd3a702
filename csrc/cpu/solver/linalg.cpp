#include "cpu/solver/linalg.hpp"

#include "anagram/solver/random.hpp"
#include "cpu/pool.hpp"
#include "cpu/solver/lapack_calls.hpp"

#include <algorithm>

namespace anagram {
namespace {

// Operations that pay for waking a worker, which takes a tenth of a millisecond on virtual
// machines: one or two milliseconds of work.
constexpr double worth_waking = 6e7;

// c = op(a) b + keep * c by row strips of c, a strip a task. OpenBLAS's own threads spin while they
// wait, which is ruinous when cores are shared; and its partition would change the last bits with
// the number of threads, which fixed strips do not.
template <class T>
void multiply_strips(Transpose op, MatrixView<const T> a, MatrixView<const T> b, T keep,
                     MatrixView<T> c) {
  constexpr std::int64_t shortest = 64, longest = 512;
  const double operations = 2.0 * static_cast<double>(c.rows * c.columns * b.rows);
  const bool worth_splitting = operations > worth_waking;
  const std::int64_t strip =
      worth_splitting ? std::clamp((c.rows / 4 + 15) / 16 * 16, shortest, longest) : c.rows;
  const auto task = [&](std::int64_t i, int) {
    const std::int64_t first = i * strip, count = std::min(strip, c.rows - first);
    const auto part =
        op == Transpose::no ? a.row_range(first, count) : a.column_range(first, count);
    gemm(op, part, b, keep, c.row_range(first, count));
  };
  const std::int64_t strips = c.rows == 0 ? 0 : (c.rows + strip - 1) / strip;
  parallel_for(strips, worth_splitting ? num_threads() : 1, task);
}

} // namespace

template <class T> HostMatrix<T> HostLinalg<T>::copy(ConstView a) const {
  Matrix result(a.rows, a.columns);
  copy_into(a, result.view());
  return result;
}

template <class T> HostMatrix<T> HostLinalg<T>::transposed_copy(ConstView a) const {
  constexpr std::int64_t tile = 16; // both tiles stay in the L1 cache
  constexpr std::int64_t strip = 8 * tile;
  constexpr std::int64_t worth_sharing = 1 << 20; // elements: a millisecond
  Matrix result(a.columns, a.rows);
  const View to = result.view();
  const auto transpose_strip = [&](std::int64_t s, int) {
    const std::int64_t end = std::min((s + 1) * strip, a.columns);
    for (std::int64_t j0 = s * strip; j0 < end; j0 += tile)
      for (std::int64_t i0 = 0; i0 < a.rows; i0 += tile)
        for (std::int64_t i = i0; i < std::min(i0 + tile, a.rows); ++i)
          for (std::int64_t j = j0; j < std::min(j0 + tile, end); ++j)
            to(j, i) = a(i, j);
  };
  parallel_for((a.columns + strip - 1) / strip,
               a.rows * a.columns > worth_sharing ? num_threads() : 1, transpose_strip);
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
  constexpr std::int64_t worth_sharing = 1 << 20; // elements: more than a millisecond
  parallel_for(
      a.columns, a.rows * a.columns > worth_sharing ? num_threads() : 1, [&](std::int64_t j, int) {
        for (std::int64_t i = 0; i < a.rows; ++i)
          a(i, j) = static_cast<T>(random_entry(seed, static_cast<std::uint64_t>(i + j * a.rows)));
      });
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

// Bidiagonalisation and divide and conquer. The reflectors of the former stay what they are: to
// multiply them out would cost a quarter of it all, and only few vectors will ever pass.
template <class T> SmallSvd<HostLinalg<T>> HostLinalg<T>::svd(Matrix square) const {
  const std::int64_t n = square.columns();
  const BlasThreads threads(BlasThreads::for_factorisation_of(n));
  Bidiagonal<T> b = gebrd(square.view());
  Matrix u(n, n), v_transposed(n, n);
  std::vector<T> sigma = bdsdc(b, u.view(), v_transposed.view());
  // The reflectors of P are rows, and act on what is below the first row.
  const ConstView above = ConstView(square.view()).row_range(0, n - 1).column_range(1, n - 1);
  Reflectors p(transposed_copy(above), b.right_scales, 1);
  Reflectors q(std::move(square), b.left_scales, 0);
  Svd result{OrthonormalBasis<HostLinalg>(std::move(u)), std::move(sigma),
             OrthonormalBasis<HostLinalg>(transposed_copy(v_transposed.view()))};
  result.left.prepend(std::move(q));
  result.right.prepend(std::move(p));
  return result;
}

template class HostLinalg<double>;
template class HostLinalg<float>;

} // namespace anagram
