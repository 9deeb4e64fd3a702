// Matrix product by a team of lanes, for operands in fast memory.
#pragma once

#include "anagram/team.hpp"

namespace anagram::ANAGRAM_ISA_NAME {

// Element (batch, row, column) of a batch of matrices.
template <class T> struct Strided {
  T *data;
  int64_t batch, row, column;
};

// C[b] (+)= A[b] B[b] for b < batches, with A [rows, depth], B [depth, columns]. Columns of B and C
// lie next to each other.
template <class T, bool accumulate> struct TeamProduct {
  int batches, rows, columns, depth;
  Strided<const T> a, b;
  Strided<T> c;

  template <class Team> ANAGRAM_HD void operator()(const Team &team) const {
    // Eight rows a lane share every element of B; where the columns would not fill the lanes,
    // one element a lane keeps neighbours together.
    if (rows >= 8 && columns >= 32)
      blocks<8>(team);
    else
      blocks<1>(team);
  }

private:
  template <int R, class Team> ANAGRAM_HD ANAGRAM_INLINE void blocks(const Team &team) const {
    for_each(team, batches, (rows + R - 1) / R, columns, [&](int batch, int block, int column) {
      const int first = block * R;
      if (first + R <= rows)
        return some_rows<R>(batch, first, column);
      for (int row = first; row < rows; ++row)
        some_rows<1>(batch, row, column);
    });
  }

  // R rows of one column. Addresses are one pointer plus offsets: with a constant distance between
  // rows of A these are part of the load instructions.
  template <int R>
  ANAGRAM_HD ANAGRAM_INLINE void some_rows(int batch, int64_t first, int column) const {
    const T *a_first = a.data + batch * a.batch + first * a.row;
    const T *b_column = b.data + batch * b.batch + column;
    T sum[R];
    for (int r = 0; r < R; ++r)
      sum[r] = T(0);
    for (int k = 0; k < depth; ++k) {
      const T scale = b_column[k * b.row];
      for (int r = 0; r < R; ++r)
        sum[r] += a_first[r * a.row + k * a.column] * scale;
    }
    T *out = c.data + batch * c.batch + first * c.row + column;
    for (int r = 0; r < R; ++r)
      out[r * c.row] = accumulate ? out[r * c.row] + sum[r] : sum[r];
  }
};

} // namespace anagram::ANAGRAM_ISA_NAME
