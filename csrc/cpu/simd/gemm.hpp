// Small matrix product for tiles that live in the L1/L2 cache.
#pragma once

#include "anagram/simd.hpp"

namespace anagram::ANAGRAM_ISA_NAME {

// A operand of the product: element (row, k) at data[row * row_stride + k * k_stride].
template <class T> struct Broadcast {
  const T *data;
  int64_t row_stride;
  int64_t k_stride;
};

// The first n lanes of v to out, or on top of what is there; all of them when n is larger.
template <class T, bool accumulate> ANAGRAM_INLINE void put(T *out, Vec<T> v, int64_t n) {
  if (n >= n_lanes<T>)
    return store(out, accumulate ? Vec<T>(load<Vec<T>>(out) + v) : v);
  if (accumulate) {
    T lane[n_lanes<T>];
    store(lane, v);
    for (int64_t i = 0; i < n; ++i)
      out[i] += lane[i];
  } else if (n > 0) {
    store_first<T>(out, v, n);
  }
}

// C[R rows, J registers] (+)= A B, the whole block in registers. Only the first n_valid columns are
// written, so that C may be an unpadded row of the caller's matrix.
template <class T, int R, int J, bool accumulate>
ANAGRAM_INLINE void gemm_block(int64_t n_k, Broadcast<T> a, const T *ANAGRAM_RESTRICT b,
                               int64_t b_stride, T *ANAGRAM_RESTRICT c, int64_t c_stride,
                               int64_t n_valid) {
  constexpr int lanes = n_lanes<T>;
  Vec<T> sum[R][J];
  for (int r = 0; r < R; ++r)
    for (int j = 0; j < J; ++j)
      sum[r][j] = splat<Vec<T>>(T(0));
  for (int64_t k = 0; k < n_k; ++k) {
    Vec<T> row[J];
    for (int j = 0; j < J; ++j)
      row[j] = load<Vec<T>>(b + k * b_stride + j * lanes);
    for (int r = 0; r < R; ++r) {
      const T scale = a.data[r * a.row_stride + k * a.k_stride];
      for (int j = 0; j < J; ++j)
        sum[r][j] += scale * row[j];
    }
  }
  for (int r = 0; r < R; ++r)
    for (int j = 0; j < J; ++j)
      put<T, accumulate>(c + r * c_stride + j * lanes, sum[r][j], n_valid - j * lanes);
}

template <class T, int J, bool accumulate>
ANAGRAM_INLINE void gemm_columns(int64_t n_rows, int64_t n_k, Broadcast<T> a, const T *b,
                                 int64_t b_stride, T *c, int64_t c_stride, int64_t n_valid) {
  constexpr int block = 4; // 4 x 2 accumulators hide the latency of the fused multiply-add
  int64_t r = 0;
  for (; r + block <= n_rows; r += block)
    gemm_block<T, block, J, accumulate>(n_k, {a.data + r * a.row_stride, a.row_stride, a.k_stride},
                                        b, b_stride, c + r * c_stride, c_stride, n_valid);
  for (; r < n_rows; ++r)
    gemm_block<T, 1, J, accumulate>(n_k, {a.data + r * a.row_stride, a.row_stride, a.k_stride}, b,
                                    b_stride, c + r * c_stride, c_stride, n_valid);
}

// C[n_rows, n_columns] (+)= A[n_rows, n_k] B[n_k, n_columns]; rows of B are readable up to a
// multiple of the register length, rows of C are written up to n_columns only.
template <class T, bool accumulate = false>
inline void gemm(int64_t n_rows, int64_t n_columns, int64_t n_k, Broadcast<T> a, const T *b,
                 int64_t b_stride, T *c, int64_t c_stride) {
  constexpr int64_t lanes = n_lanes<T>;
  int64_t j = 0;
  for (; j + lanes < n_columns; j += 2 * lanes)
    gemm_columns<T, 2, accumulate>(n_rows, n_k, a, b + j, b_stride, c + j, c_stride, n_columns - j);
  if (j < n_columns)
    gemm_columns<T, 1, accumulate>(n_rows, n_k, a, b + j, b_stride, c + j, c_stride, n_columns - j);
}

} // namespace anagram::ANAGRAM_ISA_NAME
