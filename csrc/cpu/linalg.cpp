#include "cpu/linalg.hpp"

#include "cpu/lapack.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>

namespace anagram {
namespace {

BlasInt narrow(std::int64_t size) {
  if (size > std::numeric_limits<BlasInt>::max())
    throw std::length_error("a matrix side of " + std::to_string(size) +
                            " does not fit the 32-bit integers of BLAS");
  return static_cast<BlasInt>(size);
}

// LAPACK wants leading dimensions of at least one, even of empty matrices.
BlasInt leading(std::int64_t stride) { return narrow(std::max<std::int64_t>(1, stride)); }

void require_success(const char *function, BlasInt info) {
  if (info != 0)
    throw std::runtime_error(std::string("LAPACK ") + function +
                             " failed: info = " + std::to_string(info));
}

// c = op(a) b
template <class T>
void gemm(const char *transpose_a, MatrixView<const T> a, MatrixView<const T> b, MatrixView<T> c) {
  const BlasInt m = narrow(c.rows), n = narrow(c.columns), k = narrow(b.rows);
  const BlasInt lda = leading(a.stride), ldb = leading(b.stride), ldc = leading(c.stride);
  const T one = 1, zero = 0;
  const BlasInt step = 1;
  if (n == 1 && k > 0) { // gemv is faster than gemm with one column
    const BlasInt rows = narrow(a.rows), columns = narrow(a.columns);
    lapack<T>().gemv(transpose_a, &rows, &columns, &one, a.data, &lda, b.data, &step, &zero, c.data,
                     &step);
    return;
  }
  lapack<T>().gemm(transpose_a, "N", &m, &n, &k, &one, a.data, &lda, b.data, &ldb, &zero, c.data,
                   &ldc);
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

template <class T> void HostLinalg<T>::copy_into(ConstView from, View to) const {
  for (std::int64_t j = 0; j < from.columns; ++j)
    std::copy_n(from.data + j * from.stride, from.rows, to.data + j * to.stride);
}

template <class T> void HostLinalg<T>::set_zero(View a) const {
  for (std::int64_t j = 0; j < a.columns; ++j)
    std::fill_n(a.data + j * a.stride, a.rows, T(0));
}

template <class T> void HostLinalg<T>::multiply(ConstView a, ConstView b, View c) const {
  gemm("N", a, b, c);
}

template <class T> void HostLinalg<T>::multiply_transposed(ConstView a, ConstView b, View c) const {
  gemm("T", a, b, c);
}

template <class T> HostReflectors<T> HostLinalg<T>::qr(Matrix a) const {
  const std::int64_t n = a.columns(), block = std::min(Reflectors::block, n);
  Matrix triangles(block, n);
  const View matrix = a.view();
  const BlasInt rows = narrow(a.rows()), columns = narrow(n), nb = narrow(block);
  const BlasInt lda = leading(matrix.stride);
  std::vector<T> work(static_cast<std::size_t>(block * n));
  BlasInt info = 0;
  lapack<T>().geqrt(&rows, &columns, &nb, matrix.data, &lda, triangles.view().data, &nb,
                    work.data(), &info);
  require_success("geqrt", info);
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

template <class T>
void HostLinalg<T>::apply(const char *transpose, const Reflectors &reflectors, View c) const {
  const ConstView v = reflectors.below_diagonal.view(), t = reflectors.triangles.view();
  const BlasInt m = narrow(c.rows), n = narrow(c.columns), k = narrow(v.columns);
  const BlasInt nb = narrow(t.rows), ldv = leading(v.stride), ldt = leading(t.stride);
  const BlasInt ldc = leading(c.stride);
  std::vector<T> work(static_cast<std::size_t>(c.columns * t.rows));
  BlasInt info = 0;
  lapack<T>().gemqrt("L", transpose, &m, &n, &k, &nb, v.data, &ldv, t.data, &ldt, c.data, &ldc,
                     work.data(), &info);
  require_success("gemqrt", info);
}

template <class T> void HostLinalg<T>::apply(const Reflectors &reflectors, View c) const {
  apply("N", reflectors, c);
}

template <class T>
void HostLinalg<T>::apply_transposed(const Reflectors &reflectors, View c) const {
  apply("T", reflectors, c);
}

template <class T> HostSvd<T> HostLinalg<T>::svd(Matrix square) const {
  const std::int64_t size = square.columns();
  const BlasInt n = narrow(size), ld = leading(size);
  Matrix u(size, size), v_transposed(size, size);
  std::vector<T> sigma(static_cast<std::size_t>(size));
  std::vector<BlasInt> integer_work(static_cast<std::size_t>(8 * size));
  BlasInt info = 0;
  const auto gesdd = [&](T *work, BlasInt length) {
    lapack<T>().gesdd("S", &n, &n, square.view().data, &ld, sigma.data(), u.view().data, &ld,
                      v_transposed.view().data, &ld, work, &length, integer_work.data(), &info);
    require_success("gesdd", info);
  };
  T best_length = 0; // a query: LAPACK names the workspace it wants, rounded to T
  gesdd(&best_length, -1);
  const double rounding = 1 + static_cast<double>(std::numeric_limits<T>::epsilon());
  std::vector<T> work(static_cast<std::size_t>(static_cast<double>(best_length) * rounding) + 1);
  gesdd(work.data(), narrow(static_cast<std::int64_t>(work.size())));
  return {std::move(u), std::move(sigma), transposed_copy(v_transposed.view())};
}

template class HostLinalg<double>;
template class HostLinalg<float>;

} // namespace anagram
