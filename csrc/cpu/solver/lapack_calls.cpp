#include "cpu/solver/lapack_calls.hpp"

#include "cpu/solver/lapack.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>

namespace anagram {
namespace {

BlasInt narrow(std::int64_t size) {
  if (size > std::numeric_limits<BlasInt>::max())
    throw std::length_error("a matrix side of " + std::to_string(size) +
                            " does not fit the 32-bit integers of LAPACK");
  return static_cast<BlasInt>(size);
}

// LAPACK wants leading dimensions of at least one, even of empty matrices.
BlasInt leading(std::int64_t stride) { return narrow(std::max<std::int64_t>(1, stride)); }

void require_success(const char *function, BlasInt info) {
  if (info != 0)
    throw std::runtime_error(std::string("LAPACK ") + function +
                             " failed: info = " + std::to_string(info));
}

template <class T> std::vector<T> workspace(std::int64_t size) {
  return std::vector<T>(static_cast<std::size_t>(std::max<std::int64_t>(1, size)));
}

// A workspace query answers in the dtype of the matrix: round up what that rounded down.
template <class T> std::vector<T> queried_workspace(T answer) {
  const double rounding = 1 + static_cast<double>(std::numeric_limits<T>::epsilon());
  return workspace<T>(static_cast<std::int64_t>(static_cast<double>(answer) * rounding) + 1);
}

} // namespace

template <class T>
void gemm(Transpose op, MatrixView<const T> a, MatrixView<const T> b, T keep, MatrixView<T> c) {
  const char transpose = static_cast<char>(op);
  const BlasInt m = narrow(c.rows), n = narrow(c.columns), k = narrow(b.rows);
  const BlasInt lda = leading(a.stride), ldb = leading(b.stride), ldc = leading(c.stride);
  const T one = 1;
  if (n == 1) { // one vector: gemv streams the matrix once, gemm would repack it
    const BlasInt rows = narrow(a.rows), columns = narrow(a.columns), step = 1;
    lapack<T>().gemv(&transpose, &rows, &columns, &one, a.data, &lda, b.data, &step, &keep, c.data,
                     &step);
  } else {
    lapack<T>().gemm(&transpose, "N", &m, &n, &k, &one, a.data, &lda, b.data, &ldb, &keep, c.data,
                     &ldc);
  }
}

template <class T> void geqrt(MatrixView<T> a, MatrixView<T> triangles) {
  const BlasInt m = narrow(a.rows), n = narrow(a.columns), block = narrow(triangles.rows);
  const BlasInt lda = leading(a.stride), ldt = leading(triangles.stride);
  std::vector<T> work = workspace<T>(triangles.rows * a.columns);
  BlasInt info = 0;
  lapack<T>().geqrt(&m, &n, &block, a.data, &lda, triangles.data, &ldt, work.data(), &info);
  require_success("geqrt", info);
}

template <class T>
void gemqrt(Transpose op, MatrixView<const T> reflectors, MatrixView<const T> triangles,
            MatrixView<T> c) {
  const char transpose = static_cast<char>(op);
  const BlasInt m = narrow(c.rows), n = narrow(c.columns), k = narrow(reflectors.columns);
  const BlasInt block = narrow(triangles.rows), ldc = leading(c.stride);
  const BlasInt ldv = leading(reflectors.stride), ldt = leading(triangles.stride);
  std::vector<T> work = workspace<T>(c.columns * triangles.rows);
  BlasInt info = 0;
  lapack<T>().gemqrt("L", &transpose, &m, &n, &k, &block, reflectors.data, &ldv, triangles.data,
                     &ldt, c.data, &ldc, work.data(), &info);
  require_success("gemqrt", info);
}

template <class T> void orgqr(MatrixView<T> q, const std::vector<T> &scales) {
  const BlasInt m = narrow(q.rows), n = narrow(q.columns), ld = leading(q.stride);
  BlasInt info = 0;
  const auto call = [&](T *work, BlasInt length) {
    lapack<T>().orgqr(&m, &n, &n, q.data, &ld, scales.data(), work, &length, &info);
    require_success("orgqr", info);
  };
  T answer = 0;
  call(&answer, -1);
  std::vector<T> work = queried_workspace(answer);
  call(work.data(), narrow(static_cast<std::int64_t>(work.size())));
}

template <class T>
void larft(MatrixView<const T> vectors, const std::vector<T> &scales, MatrixView<T> triangles) {
  const BlasInt ldv = leading(vectors.stride), ldt = leading(triangles.stride);
  for (std::int64_t j = 0; j < vectors.columns; j += triangles.rows) {
    const BlasInt height = narrow(vectors.rows - j);
    const BlasInt count = narrow(std::min(triangles.rows, vectors.columns - j));
    lapack<T>().larft("F", "C", &height, &count, &vectors(j, j), &ldv,
                      &scales[static_cast<std::size_t>(j)], &triangles(0, j), &ldt);
  }
}

template <class T> Bidiagonal<T> gebrd(MatrixView<T> a) {
  const BlasInt n = narrow(a.columns), lda = leading(a.stride);
  Bidiagonal<T> b{workspace<T>(a.columns), workspace<T>(a.columns - 1), workspace<T>(a.columns),
                  workspace<T>(a.columns)};
  BlasInt info = 0;
  const auto call = [&](T *work, BlasInt length) {
    lapack<T>().gebrd(&n, &n, a.data, &lda, b.diagonal.data(), b.above.data(), b.left_scales.data(),
                      b.right_scales.data(), work, &length, &info);
    require_success("gebrd", info);
  };
  T answer = 0;
  call(&answer, -1);
  std::vector<T> work = queried_workspace(answer);
  call(work.data(), narrow(static_cast<std::int64_t>(work.size())));
  return b;
}

template <class T>
std::vector<T> bdsdc(Bidiagonal<T> &b, MatrixView<T> u, MatrixView<T> v_transposed) {
  const BlasInt n = narrow(u.columns), ldu = leading(u.stride), ldv = leading(v_transposed.stride);
  std::vector<T> work = workspace<T>((3 * u.columns + 4) * u.columns);
  std::vector<BlasInt> integer_work = workspace<BlasInt>(8 * u.columns);
  BlasInt info = 0;
  lapack<T>().bdsdc("U", "I", &n, b.diagonal.data(), b.above.data(), u.data, &ldu,
                    v_transposed.data, &ldv, nullptr, nullptr, work.data(), integer_work.data(),
                    &info);
  require_success("bdsdc", info);
  return std::move(b.diagonal);
}

#define ANAGRAM_INSTANTIATE(T)                                                                     \
  template void gemm(Transpose, MatrixView<const T>, MatrixView<const T>, T, MatrixView<T>);       \
  template void geqrt(MatrixView<T>, MatrixView<T>);                                               \
  template void gemqrt(Transpose, MatrixView<const T>, MatrixView<const T>, MatrixView<T>);        \
  template void orgqr(MatrixView<T>, const std::vector<T> &);                                      \
  template void larft(MatrixView<const T>, const std::vector<T> &, MatrixView<T>);                 \
  template Bidiagonal<T> gebrd(MatrixView<T>);                                                     \
  template std::vector<T> bdsdc(Bidiagonal<T> &, MatrixView<T>, MatrixView<T>);
ANAGRAM_INSTANTIATE(double)
ANAGRAM_INSTANTIATE(float)
#undef ANAGRAM_INSTANTIATE

} // namespace anagram
