// Forward sweep of one tile: jets of the coordinates through every hidden layer.
#pragma once

#include "anagram/engine/jet_activation.hpp"
#include "cpu/engine/tile.hpp"
#include "gemm.hpp"
#include "lanes.hpp"

namespace anagram::ANAGRAM_ISA_NAME {
namespace {

// h_0 of a mapped network: the slots that layer 0 reads out of the features' jets.
template <class T> void copy_input(const TileNet<T> &net, const T *inputs, int64_t n, T *h) {
  const JetTable &table = net.table(0);
  const int64_t pad = net.layers[0].in_pad;
  for (int64_t i = 0; i < n; ++i, inputs += table.n_components * net.n_in)
    for (int k = 0; k < table.n_entries; ++k, h += pad) {
      memcpy(h, inputs + table.entries[k].component * net.n_in,
             static_cast<size_t>(net.n_in) * sizeof(T));
      for (int64_t c = net.n_in; c < pad; ++c)
        h[c] = T(0);
    }
}

// h_0 of the tile, [n, slots(0), in_pad]: the jet of the coordinates themselves, or of features.
template <class T> void fill_input(const TileNet<T> &net, const T *points, int64_t n, T *h) {
  if (net.mapped)
    return copy_input(net, points, n, h);
  const JetTable &table = net.table(0);
  const int64_t pad = net.layers[0].in_pad;
  for (int64_t i = 0; i < n; ++i)
    for (int k = 0; k < table.n_entries; ++k, h += pad) {
      const int component = table.entries[k].component;
      for (int64_t c = 0; c < net.n_in; ++c)
        h[c] = component == 0 ? points[i * net.n_in + c]
                              : static_cast<T>(net.linear[component * net.n_in + c]);
      for (int64_t c = net.n_in; c < pad; ++c)
        h[c] = T(0);
    }
}

// The first layer's z at one point, [out_pad].
template <class T> void input_value(const TileNet<T> &net, const T *point, T *z) {
  const Layer<T> &layer = net.layers[0];
  for (int64_t j = 0; j < layer.out_pad; j += n_lanes<T>) {
    Vec<T> sum = load<Vec<T>>(layer.bias + j);
    for (int64_t c = 0; c < net.n_in; ++c)
      sum += point[c] * load<Vec<T>>(layer.transposed + c * layer.out_pad + j);
    store(z + j, sum);
  }
}

// z of the first layer, [n, slots(0), out_pad], straight from the coordinates: only the value's
// slot differs between points, and derivatives above the first vanish.
template <class T> void input_layer(const TileNet<T> &net, const T *points, int64_t n, T *z) {
  const Layer<T> &layer = net.layers[0];
  const int64_t pad = layer.out_pad, jet = net.slots(0) * pad;
  memset(z, 0, static_cast<size_t>(jet) * sizeof(T));
  for (int k = 1; k < net.slots(0); ++k) // slot k of the closed basis holds component k
    for (int64_t c = 0; c < net.n_in; ++c) {
      const T slope = static_cast<T>(net.linear[k * net.n_in + c]);
      T *out = z + k * pad;
      for (int64_t j = 0; slope != T(0) && j < pad; j += n_lanes<T>)
        store(out + j,
              load<Vec<T>>(out + j) + slope * load<Vec<T>>(layer.transposed + c * pad + j));
    }
  for (int64_t i = 0; i < n; ++i) {
    T *value = z + i * jet;
    if (i > 0)
      memcpy(value + pad, z + pad, static_cast<size_t>(jet - pad) * sizeof(T));
    input_value(net, points + i * net.n_in, value);
  }
}

// z = W h for every slot, plus the bias in the value's slot.
template <class T> void affine(const TileNet<T> &net, int l, const T *h, int64_t n, T *z) {
  const Layer<T> &layer = net.layers[l];
  const int slots = net.slots(l);
  gemm<T>(n * slots, layer.out_pad, layer.n_in, {h, layer.in_pad, 1}, layer.transposed,
          layer.out_pad, z, layer.out_pad);
  for (int64_t i = 0; i < n; ++i) {
    T *value = z + i * slots * layer.out_pad;
    for (int64_t o = 0; o < layer.out_pad; ++o)
      value[o] += layer.bias[o];
  }
}

// d[k] = s^(k)(z), k = 0 .. n, for a row of neurons: d [n + 1, pad].
template <class T, Activation kind>
void derivatives_of(const T *ANAGRAM_RESTRICT z, int64_t pad, int n, T *ANAGRAM_RESTRICT d) {
  for (int64_t j = 0; j < pad; j += n_lanes<T>) {
    Vec<T> at_lanes[max_derivatives];
    activation_derivatives<T>(kind, load<Vec<T>>(z + j), n, at_lanes);
    for (int k = 0; k <= n; ++k)
      store(d + k * pad + j, at_lanes[k]);
  }
}

// The choice is made once a row: inside the loop over neurons it would keep values in memory.
template <class T> void derivatives(Activation kind, const T *z, int64_t pad, int n, T *d) {
  switch (kind) {
  case Activation::tanh:
    return derivatives_of<T, Activation::tanh>(z, pad, n, d);
  case Activation::sin:
    return derivatives_of<T, Activation::sin>(z, pad, n, d);
  case Activation::softplus:
    return derivatives_of<T, Activation::softplus>(z, pad, n, d);
  case Activation::gelu:
    return derivatives_of<T, Activation::gelu>(z, pad, n, d);
  case Activation::silu:
    return derivatives_of<T, Activation::silu>(z, pad, n, d);
  case Activation::identity:
    return derivatives_of<T, Activation::identity>(z, pad, n, d);
  }
}

// h = s(z) at hidden layer l. d [n, n_derivatives, out_pad] keeps the derivatives of s for the
// reverse sweep; without a record it is scratch for one point.
template <class T>
void activate(const TileNet<T> &net, int l, int64_t n, const T *z, T *h, T *d, bool record) {
  const JetTable &table = net.table(l + 1);
  const int64_t pad = net.layers[l].out_pad;
  const int highest = record ? net.n_derivatives - 1 : table.order;
  for (int64_t i = 0; i < n; ++i) {
    derivatives(net.activation, z, pad, highest, d);
    for_lanes<T>(pad, [&](auto v, int64_t j) {
      using V = decltype(v);
      V at_lanes[max_derivatives];
      for (int k = 0; k <= table.order; ++k)
        at_lanes[k] = load<V>(d + k * pad + j);
      jet_forward<V>(table, at_lanes, z + j, h + j, pad);
    });
    z += table.n_components * pad;
    h += table.n_entries * pad;
    if (record)
      d += net.n_derivatives * pad;
  }
}

// In the first hidden layer z is affine in the point, so its derivatives are the same everywhere
// and h_k = sum over m of s^(m)(z) c_km, where c_km is what the terms of order m make of them. Only
// one product is left of each order, whatever the number of terms.
//
// factors [n_entries, order, out_pad] holds c_km at (k, m - 1).
template <class T> void input_factors(const TileNet<T> &net, T *factors) {
  const JetTable &table = net.table(1);
  const Layer<T> &layer = net.layers[0];
  const int64_t pad = layer.out_pad;
  memset(factors, 0, static_cast<size_t>(table.n_entries * table.order * pad) * sizeof(T));
  // derivative of z at the neurons from j on
  const auto slope = [&](int component, int64_t j) {
    Vec<T> sum = splat<Vec<T>>(T(0));
    for (int64_t c = 0; c < net.n_in; ++c)
      sum += static_cast<T>(net.linear[component * net.n_in + c]) *
             load<Vec<T>>(layer.transposed + c * pad + j);
    return sum;
  };
  for (int k = 0; k < table.n_entries; ++k, factors += table.order * pad) {
    const JetEntry entry = table.entries[k];
    if (entry.component == 0)
      continue;
    for (int64_t j = 0; j < pad; j += n_lanes<T>) {
      store(factors + j, slope(entry.component, j));
      for (int t = entry.first_term; t < entry.last_term; ++t) {
        const JetTerm &term = table.terms[t];
        Vec<T> product = splat<Vec<T>>(static_cast<T>(term.coefficient));
        for (int f = 0; f < term.n_factors; ++f)
          product *= slope(term.factor[f], j);
        T *sum = factors + (term.n_factors - 1) * pad + j;
        store(sum, load<Vec<T>>(sum) + product);
      }
    }
  }
}

// h_k = sum of d_m c_km over the orders m that occur in component k.
template <class T>
void combine(const JetEntry &entry, const T *d, const T *factors, int64_t pad, T *h) {
  if (entry.component == 0) {
    memcpy(h, d, static_cast<size_t>(pad) * sizeof(T));
    return;
  }
  const int low = entry.lowest_order, high = entry.highest_order;
  for (int64_t j = 0; j < pad; j += n_lanes<T>) {
    Vec<T> sum = load<Vec<T>>(d + low * pad + j) * load<Vec<T>>(factors + (low - 1) * pad + j);
    for (int m = low + 1; m <= high; ++m)
      sum += load<Vec<T>>(d + m * pad + j) * load<Vec<T>>(factors + (m - 1) * pad + j);
    store(h + j, sum);
  }
}

// h [n, slots(1), out_pad], and with a record z and the derivatives of s: the same numbers either
// way.
template <class T>
void first_hidden_layer(const TileNet<T> &net, const TileBuffers<T> &buffers, const T *points,
                        int64_t n) {
  const JetTable &table = net.table(1);
  const int64_t pad = net.layers[0].out_pad;
  const bool recorded = buffers.d != nullptr;
  if (recorded)
    input_layer(net, points, n, buffers.z[0]);
  T *factors = recorded ? buffers.adjoint[0] : buffers.z[0]; // whichever is free
  input_factors(net, factors);
  T *d = recorded ? buffers.d[0] : buffers.derivatives, *h = buffers.h[1];
  for (int64_t i = 0; i < n; ++i) {
    T *z = recorded ? buffers.z[0] + i * net.slots(0) * pad : d + (table.order + 1) * pad;
    if (!recorded)
      input_value(net, points + i * net.n_in, z);
    derivatives(net.activation, z, pad, recorded ? net.n_derivatives - 1 : table.order, d);
    for (int k = 0; k < table.n_entries; ++k, h += pad)
      combine(table.entries[k], d, factors + k * table.order * pad, pad, h);
    if (recorded)
      d += net.n_derivatives * pad;
  }
}

template <class T>
void hidden_layers(const TileNet<T> &net, const TileBuffers<T> &buffers, const T *inputs,
                   int64_t n) {
  if (buffers.d || net.depth == 1 || net.mapped) // who else reads the input's jet?
    fill_input(net, inputs, n, buffers.h[0]);
  if (net.depth > 1 && !net.mapped)
    first_hidden_layer(net, buffers, inputs, n);
  for (int l = net.mapped ? 0 : 1; l + 1 < net.depth; ++l) {
    affine(net, l, buffers.h[l], n, buffers.z[l]);
    T *d = buffers.d ? buffers.d[l] : buffers.derivatives;
    activate(net, l, n, buffers.z[l], buffers.h[l + 1], d, buffers.d != nullptr);
  }
}

} // namespace
} // namespace anagram::ANAGRAM_ISA_NAME
