// Matrix product by a team of lanes, for operands in fast memory.
#pragma once

#include "anagram/team.hpp"

namespace anagram::ANAGRAM_ISA_NAME {

// Element (batch, row, column) of a batch of matrices.
template <class T> struct Strided {
  T *data;
  int64_t batch, row, column;
};

// Two neighbours that are read by one instruction: 16 bytes of double precision.
template <class T> struct alignas(2 * sizeof(T)) Neighbours {
  T first, second;
};

template <class T> ANAGRAM_HD ANAGRAM_INLINE Neighbours<T> neighbours_at(const T *aligned) {
  return *reinterpret_cast<const Neighbours<T> *>(aligned);
}

// Which elements of A lie next to each other, so that its step there is one.
enum class Along { depth, rows };

// C[b] (+)= A[b] B[b] for b < batches, with A [rows, depth], B [depth, columns]. Columns of B and C
// lie next to each other. A begins where two Neighbours may: lanes read the same element of it at
// once, so that the number of reads is what counts, and pairs halve it. Sums are added up in the
// same order with pairs and without.
template <class T, Along along, bool accumulate> struct TeamProduct {
  int batches, rows, columns, depth;
  Strided<const T> a, b;
  Strided<T> c;

  template <class Team> ANAGRAM_HD void operator()(const Team &team) const {
    // Eight rows a lane share every element of B; where the columns would not fill the lanes,
    // one element a lane keeps neighbours together.
    if (rows < 8 || columns < 32)
      blocks<1, false>(team);
    else if (pairs_stay_aligned())
      blocks<8, true>(team);
    else // of an odd width
      blocks<8, false>(team);
  }

private:
  ANAGRAM_HD bool pairs_stay_aligned() const {
    return a.batch % 2 == 0 && (along == Along::depth ? a.row : a.column) % 2 == 0;
  }

  template <int R, bool pairs, class Team>
  ANAGRAM_HD ANAGRAM_INLINE void blocks(const Team &team) const {
    for_each(team, batches, (rows + R - 1) / R, columns, [&](int batch, int block, int column) {
      const int first = block * R;
      if (first + R <= rows)
        return some_rows<R, pairs>(batch, first, column);
      for (int row = first; row < rows; ++row)
        some_rows<1, false>(batch, row, column);
    });
  }

  // R rows of one column. Addresses are one pointer plus offsets: with a constant distance between
  // rows of A these are part of the load instructions.
  template <int R, bool pairs>
  ANAGRAM_HD ANAGRAM_INLINE void some_rows(int batch, int64_t first, int column) const {
    const T *a_first = a.data + batch * a.batch + first * a.row;
    const T *b_column = b.data + batch * b.batch + column;
    T *out = c.data + batch * c.batch + first * c.row + column;
    T sum[R];
    for (int r = 0; r < R; ++r)
      sum[r] = accumulate ? out[r * c.row] : T(0);
    int k = pairs && along == Along::depth ? add_pairs_of_columns<R>(a_first, b_column, sum) : 0;
    ANAGRAM_UNROLL_BY(accumulate && R > 1 ? 1 : 2)
    for (; k < depth; ++k)
      add_column<R, pairs && along == Along::rows>(a_first + k * a_step(), b_column[k * b.row],
                                                   sum);
    for (int r = 0; r < R; ++r)
      out[r * c.row] = sum[r];
  }

  ANAGRAM_HD ANAGRAM_INLINE int64_t a_step() const {
    return along == Along::depth ? int64_t(1) : a.column;
  }

  // sum [R] += A[:, :k] b[:k] with the largest even k, which is returned.
  template <int R>
  ANAGRAM_HD ANAGRAM_INLINE int add_pairs_of_columns(const T *a_first, const T *b_column,
                                                     T *sum) const {
    int k = 0;
    ANAGRAM_UNROLL_BY(1)
    for (; k + 2 <= depth; k += 2) {
      const T scale = b_column[k * b.row], next_scale = b_column[(k + 1) * b.row];
      for (int r = 0; r < R; ++r) {
        const Neighbours<T> two = neighbours_at(a_first + r * a.row + k);
        sum[r] += two.first * scale;
        sum[r] += two.second * next_scale;
      }
    }
    return k;
  }

  // sum [R] += A[:, k] b_k
  template <int R, bool pairs>
  ANAGRAM_HD ANAGRAM_INLINE void add_column(const T *a_k, T scale, T *sum) const {
    if (pairs) {
      for (int r = 0; r + 1 < R; r += 2) {
        const Neighbours<T> two = neighbours_at(a_k + r);
        sum[r] += two.first * scale;
        sum[r + 1] += two.second * scale;
      }
    } else {
      for (int r = 0; r < R; ++r)
        sum[r] += a_k[along == Along::rows ? r : r * a.row] * scale;
    }
  }
};

} // namespace anagram::ANAGRAM_ISA_NAME
