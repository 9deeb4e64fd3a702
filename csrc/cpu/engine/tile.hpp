// What a tile kernel needs to know, as plain data: the network, its packed weights, the buffers of
// one tile of points. Filled by plan.cpp, read by the kernels of every instruction set.
#pragma once

#include <cstdint>

#include "anagram/engine/activation.hpp"
#include "anagram/engine/jet_table.hpp"

namespace anagram {

// One affine layer. Rows are padded with zeros to a multiple of the register length.
template <class T> struct Layer {
  int64_t n_in, n_out;
  int64_t in_pad, out_pad;
  const T *transposed; // [n_in, out_pad], W^T: the forward operand
  const T *weight;     // [n_out, in_pad], W: the reverse operand
  const T *bias;       // [out_pad]
  int64_t offset;      // of W in theta; the bias follows at offset + n_out * n_in
};

template <class T> struct TileNet {
  int depth; // affine layers
  const Layer<T> *layers;
  Activation activation;
  JetTable inner;       // hidden layers but the last: the closed basis
  JetTable outer;       // last hidden layer: the requested components only
  const double *linear; // [n_components, d]: the jet of the coordinates; unused when mapped
  bool mapped;          // the input is given as jets [n_components, n_in] a point, else as [n_in]
  int64_t n_in, n_out;  // d or features, m
  int n_derivatives;    // stored s^(k) a neuron: order + 2

  // The rule that produced the jet entering affine layer l, and the number of its slots.
  ANAGRAM_INLINE const JetTable &table(int l) const { return l == depth - 1 ? outer : inner; }
  ANAGRAM_INLINE int slots(int l) const { return table(l).n_entries; }
};

// Buffers of one tile of n points, neurons contiguous.
template <class T> struct TileBuffers {
  T *const *h;    // [depth]: input of layer l, [n, slots(l), in_pad]
  T *const *z;    // [depth - 1]: output of layer l, [n, slots(l), out_pad]
  T *const *d;    // [depth - 1]: s^(k)(z_0), [n, n_derivatives, out_pad]; null when not recorded
  T *derivatives; // [max_derivatives + 1, pad]: of one point, when not recorded
  T *adjoint[3];  // [n, slots, pad]: hbar, and zbar of two neighbouring layers
  T *seed;        // [n, n_requested, m_pad]
  T *block;       // consecutive columns of a row of J before they are written past the caches
};

// Columns of J in that block, and at least one row of a layer's weights; its biases come on top. In
// double precision it fills a large part of the L1 cache.
constexpr int64_t block_elements = 4096;

// Seeds of one residual component: dr/d(jet), element (k, o, i) at data[(k * m + o) * n_total + i].
template <class T> struct Seeds {
  const T *data;
  int64_t n_total;
};

} // namespace anagram
