// Reverse sweep of one tile: the adjoint of every layer, from the seeds down.
#pragma once

#include "anagram/engine/jet_activation.hpp"
#include "cpu/engine/tile.hpp"
#include "gemm.hpp"
#include "lanes.hpp"

namespace anagram::ANAGRAM_ISA_NAME {
namespace {

// zbar of the last layer: the seeds, transposed to [n, n_requested, m_pad], times w_i if given.
template <class T>
void fill_seed(const TileNet<T> &net, Seeds<T> seeds, const T *w, int64_t n, T *seed) {
  const int64_t pad = net.layers[net.depth - 1].out_pad;
  for (int64_t i = 0; i < n; ++i)
    for (int k = 0; k < net.outer.n_entries; ++k, seed += pad) {
      for (int64_t o = 0; o < net.n_out; ++o) {
        const T value = seeds.data[(k * net.n_out + o) * seeds.n_total + i];
        seed[o] = w ? w[i] * value : value;
      }
      for (int64_t o = net.n_out; o < pad; ++o)
        seed[o] = T(0);
    }
}

// zbar_l from zbar_{l+1}: back through W_{l+1}, then through the activation.
template <class T>
void reverse_layer(const TileNet<T> &net, const TileBuffers<T> &buffers, int l, int64_t n,
                   const T *zbar_above, T *hbar, T *zbar) {
  const Layer<T> &above = net.layers[l + 1];
  const JetTable &table = net.table(l + 1);
  const int64_t pad = above.in_pad;
  const int n_d = net.n_derivatives;
  gemm<T>(n * table.n_entries, pad, above.n_out, {zbar_above, above.out_pad, 1}, above.weight, pad,
          hbar, pad);
  for (int64_t i = 0; i < n; ++i) {
    const T *z = buffers.z[l] + i * table.n_components * pad;
    for_lanes<T>(pad, [&](auto v, int64_t j) {
      using V = decltype(v);
      V d[max_derivatives];
      for (int k = 0; k < n_d; ++k)
        d[k] = load<V>(buffers.d[l] + (i * n_d + k) * pad + j);
      jet_reverse<V>(table, d, z + j, hbar + i * table.n_entries * pad + j,
                     zbar + i * table.n_components * pad + j, pad);
    });
  }
}

// The slot of a layer's input jet that holds the value (it feeds the bias), or -1.
template <class T> int value_slot(const TileNet<T> &net, int l) {
  const JetTable &table = net.table(l);
  for (int k = 0; k < table.n_entries; ++k)
    if (table.entries[k].component == 0)
      return k;
  return -1;
}

// Runs the sweep from the last layer to the first and shows every layer's zbar to the sink.
template <class T, class Sink>
void reverse(const TileNet<T> &net, const TileBuffers<T> &buffers, Seeds<T> seeds, const T *w,
             int64_t n, Sink sink) {
  fill_seed(net, seeds, w, n, buffers.seed);
  const T *zbar = buffers.seed;
  sink(net.depth - 1, zbar);
  for (int l = net.depth - 2; l >= 0; --l) {
    T *below = zbar == buffers.adjoint[1] ? buffers.adjoint[2] : buffers.adjoint[1];
    reverse_layer(net, buffers, l, n, zbar, buffers.adjoint[0], below);
    zbar = below;
    sink(l, zbar);
  }
}

} // namespace
} // namespace anagram::ANAGRAM_ISA_NAME
