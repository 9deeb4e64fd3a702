// The kernels of one instruction set, of the engine and of the solver, as a table of functions; and
// which of the sets this process uses. Compiled in cpu/simd.
#pragma once

#include "cpu/engine/tile.hpp"

namespace anagram {

// An embedding (solver/embedding.hpp) adds every row to one place in each block of its result; so
// many columns of those rows are summed at a time, in the L1 cache.
constexpr int64_t embedding_blocks = 8;
constexpr int64_t embedding_panel = 16;

template <class T> struct Kernels {
  int64_t lanes;
  // inputs: the tile's points [n, n_in], or the jets of its features [n, n_components, n_in]
  //
  // u[k, o, i] at out[(k * m + o) * n_total + i], no record kept
  void (*jets)(const TileNet<T> &, const TileBuffers<T> &, const T *inputs, int64_t n, T *out,
               int64_t n_total);
  // forward sweep that keeps what the reverse sweep needs; writes the jets as well, unless out is
  // null
  void (*record)(const TileNet<T> &, const TileBuffers<T> &, const T *inputs, int64_t n, T *out,
                 int64_t n_total);
  // rows of J, row i at j + i * row_stride; streaming: past the caches
  void (*rows)(const TileNet<T> &, const TileBuffers<T> &, Seeds<T>, int64_t n, T *j,
               int64_t row_stride, bool streaming);
  // gradient += sum over the rows i of w[i] J[i, :]
  void (*gradient)(const TileNet<T> &, const TileBuffers<T> &, Seeds<T>, const T *w, int64_t n,
                   T *gradient);
  // out[i] = J[i, :] v, v packed like the weights; scratch [n, slots, pad]
  void (*tangent)(const TileNet<T> &, const TileBuffers<T> &, Seeds<T>, const Layer<T> *v,
                  int64_t n, T *scratch, T *out);
  // sums[places[i, b]] += factors[i, b] x[i] for all blocks b; x [rows, embedding_panel] with
  // strided rows, sums [m, embedding_panel]
  void (*add_to_sums)(const int32_t *places, const T *factors, int64_t rows, const T *x,
                      int64_t x_stride, T *sums);
};

// The best instruction set of this CPU, or the one that ANAGRAM_ISA names.
template <class T> const Kernels<T> &kernels();
const char *isa_name();
bool select_isa(const char *name); // "" = best; false when this CPU lacks it

} // namespace anagram
