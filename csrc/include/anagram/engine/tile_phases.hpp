// The steps of a sweep between two barriers. Each is an object that any team can run: a block that
// owns a tile in shared memory, or a whole grid for nets too wide for that.
#pragma once

#include "anagram/engine/device_net.hpp"
#include "anagram/engine/jet_activation.hpp"
#include "anagram/engine/team_product.hpp"

namespace anagram::ANAGRAM_ISA_NAME {

// transposed [P]: every W of theta turned to [n_in, n_out].
template <class T> struct Transpose {
  DeviceNet net;
  const T *theta;
  T *transposed;

  template <class Team> ANAGRAM_HD void operator()(const Team &team) const {
    for (int l = 0; l < net.depth; ++l) {
      const LayerShape layer = net.layers[l];
      for_each(team, 1, layer.n_in, layer.n_out, [&](int, int i, int o) {
        transposed[layer.offset + static_cast<int64_t>(i) * layer.n_out + o] =
            theta[layer.offset + static_cast<int64_t>(o) * layer.n_in + i];
      });
      for_each(team, 1, 1, layer.n_out,
               [&](int, int, int o) { transposed[layer.bias() + o] = theta[layer.bias() + o]; });
    }
  }
};

// h [n, slots(0), n_inputs]: the jet of the coordinates themselves, or of features of them.
template <class T> struct FillInput {
  DeviceNet net;
  const T *inputs; // points [n, n_inputs], or when mapped [n, n_components, n_inputs]
  int n;
  T *h;

  template <class Team> ANAGRAM_HD void operator()(const Team &team) const {
    const JetTable rule = net.table(0);
    for_each(team, n, rule.n_entries, net.n_inputs, [&](int i, int k, int c) {
      const int component = rule.entries[k].component;
      const T *input = inputs + i * net.input_size() + c;
      h[(static_cast<int64_t>(i) * rule.n_entries + k) * net.n_inputs + c] =
          component == 0 ? *input
          : net.mapped   ? input[component * net.n_inputs]
                         : static_cast<T>(net.linear[component * net.n_inputs + c]);
    });
  }
};

// Adds the bias to the value in z, then h = s(z), at hidden layer l.
template <class T> struct Activate {
  DeviceNet net;
  int l, n;
  const T *theta;
  T *z; // [n, n_components, n_out]; the value is component 0
  T *h; // [n, slots(l + 1), n_out]

  template <class Team> ANAGRAM_HD void operator()(const Team &team) const {
    const JetTable rule = net.table(l + 1);
    const int width = net.layers[l].n_out;
    const T *bias = theta + net.layers[l].bias();
    const int highest = rule.order > 1 ? rule.order : 1;
    for_each(team, n, 1, width, [&](int i, int, int j) {
      T *z_ij = z + static_cast<int64_t>(i) * rule.n_components * width + j;
      T *h_ij = h + static_cast<int64_t>(i) * rule.n_entries * width + j;
      z_ij[0] += bias[j];
      T d[max_derivatives];
      activation_derivatives<T>(net.activation, z_ij[0], highest, d);
      jet_forward<T>(rule, d, z_ij, h_ij, width);
    });
  }
};

// out [K, m, n_total] from the last layer's product y [n, K, m], plus the bias of the value.
template <class T> struct StoreJets {
  DeviceNet net;
  int n;
  const T *theta;
  const T *y;
  T *out; // at the tile's first point
  int64_t n_total;

  template <class Team> ANAGRAM_HD void operator()(const Team &team) const {
    const int slots = net.outer.n_entries, m = net.n_outputs;
    const T *bias = theta + net.layers[net.depth - 1].bias();
    for_each(team, slots, m, n, [&](int k, int o, int i) {
      const T shift = net.outer.entries[k].component == 0 ? bias[o] : T(0);
      out[(static_cast<int64_t>(k) * m + o) * n_total + i] =
          y[(static_cast<int64_t>(i) * slots + k) * m + o] + shift;
    });
  }
};

// zbar [n, K, m] of the last layer: the seeds [K, m, n_total], times w [n] if given.
template <class T> struct FillSeed {
  DeviceNet net;
  int n;
  const T *seeds; // at the tile's first point
  int64_t n_total;
  const T *w; // null: 1
  T *zbar;

  template <class Team> ANAGRAM_HD void operator()(const Team &team) const {
    const int slots = net.outer.n_entries, m = net.n_outputs;
    for_each(team, slots, m, n, [&](int k, int o, int i) {
      const T seed = seeds[(static_cast<int64_t>(k) * m + o) * n_total + i];
      zbar[(static_cast<int64_t>(i) * slots + k) * m + o] = w ? w[i] * seed : seed;
    });
  }
};

// zbar = (dh/dz)^T hbar at hidden layer l. Evaluates the activation again: cheaper than the memory
// that its derivatives would take.
template <class T> struct ReverseActivation {
  DeviceNet net;
  int l, n;
  const T *z;    // [n, n_components, n_out], bias included
  const T *hbar; // [n, slots(l + 1), n_out]
  T *zbar;       // [n, n_components, n_out]

  template <class Team> ANAGRAM_HD void operator()(const Team &team) const {
    const JetTable rule = net.table(l + 1);
    const int width = net.layers[l].n_out;
    for_each(team, n, 1, width, [&](int i, int, int j) {
      const int64_t at = static_cast<int64_t>(i) * rule.n_components * width + j;
      T d[max_derivatives];
      activation_derivatives<T>(net.activation, z[at], net.inner.order + 1, d);
      jet_reverse<T>(rule, d, z + at, hbar + static_cast<int64_t>(i) * rule.n_entries * width + j,
                     zbar + at, width);
    });
  }
};

// J[i, W_l] = sum over slots of zbar h^T, J[i, b_l] = zbar of the value.
template <class T> struct StoreRows {
  DeviceNet net;
  int l, n;
  const T *h;    // [n, slots(l), n_in]
  const T *zbar; // [n, slots(l), n_out]
  T *j;          // at the tile's first row
  int64_t row_stride;

  template <class Team> ANAGRAM_HD void operator()(const Team &team) const {
    const LayerShape layer = net.layers[l];
    const int slots = net.slots(l), value = net.value_slot(l);
    const int64_t adjoint = static_cast<int64_t>(slots) * layer.n_out; // elements a point
    const int64_t input = static_cast<int64_t>(slots) * layer.n_in;
    TeamProduct<T, Along::rows, false>{n,
                                       layer.n_out,
                                       layer.n_in,
                                       slots,
                                       {zbar, adjoint, 1, layer.n_out},
                                       {h, input, layer.n_in, 1},
                                       {j + layer.offset, row_stride, layer.n_in, 1}}(team);
    for_each(team, n, 1, layer.n_out, [&](int i, int, int o) {
      j[i * row_stride + layer.bias() + o] =
          value < 0 ? T(0) : zbar[i * adjoint + static_cast<int64_t>(value) * layer.n_out + o];
    });
  }
};

// J v of one layer: partial sums of zbar . (V h + v_b) a point, every n_partials-th product each.
// Lane (i, p) owns its partial sum throughout the sweep.
template <class T> struct AddTangent {
  DeviceNet net;
  int l, n;
  const T *v;    // [P]
  const T *vh;   // V h [n, slots(l), n_out]
  const T *zbar; // [n, slots(l), n_out]
  T *partials;   // [n, n_partials]

  template <class Team> ANAGRAM_HD void operator()(const Team &team) const {
    constexpr int n_partials = TileLayout::n_partials;
    const int width = net.layers[l].n_out, slots = net.slots(l), value = net.value_slot(l);
    const T *v_bias = v + net.layers[l].bias();
    for_each(team, 1, n, n_partials, [&](int, int i, int p) {
      const int64_t at = static_cast<int64_t>(i) * slots * width;
      T sum = l == net.depth - 1 ? T(0) : partials[i * n_partials + p]; // the sweep starts there
      for (int e = p; e < slots * width; e += n_partials)
        sum += zbar[at + e] * vh[at + e];
      if (value >= 0)
        for (int o = p; o < width; o += n_partials)
          sum += zbar[at + static_cast<int64_t>(value) * width + o] * v_bias[o];
      partials[i * n_partials + p] = sum;
    });
  }
};

template <class T> struct StoreTangent {
  DeviceNet net; // every step has one; kernels get the device's
  int n;
  const T *partials; // [n, n_partials]
  T *out;            // [n]

  template <class Team> ANAGRAM_HD void operator()(const Team &team) const {
    for_each(team, 1, 1, n, [&](int, int, int i) {
      T sum = T(0);
      for (int p = 0; p < TileLayout::n_partials; ++p)
        sum += partials[i * TileLayout::n_partials + p];
      out[i] = sum;
    });
  }
};

template <class T> struct FillOnes {
  int n;
  T *out;

  template <class Team> ANAGRAM_HD void operator()(const Team &team) const {
    for_each(team, 1, 1, n, [&](int, int, int i) { out[i] = T(1); });
  }
};

// gradient [P] += partial sums [n_chunks, P], in the order of the chunks.
template <class T> struct SumChunks {
  int n_chunks;
  int64_t n_parameters;
  const T *partial;
  T *gradient;

  template <class Team> ANAGRAM_HD void operator()(const Team &team) const {
    constexpr int width = 1 << 16; // the counters of a loop over P at once might overflow
    const int blocks = static_cast<int>((n_parameters + width - 1) / width);
    for_each(team, 1, blocks, width, [&](int, int block, int i) {
      const int64_t p = static_cast<int64_t>(block) * width + i;
      if (p >= n_parameters)
        return;
      T sum = T(0);
      for (int chunk = 0; chunk < n_chunks; ++chunk)
        sum += partial[chunk * n_parameters + p];
      gradient[p] += sum;
    });
  }
};

} // namespace anagram::ANAGRAM_ISA_NAME
