// Tile kernels: compiled once per instruction set, in that set's namespace and without the standard
// library's templates (see macros.hpp).
#include "cpu/tile.hpp"

#include "anagram/jet_activation.hpp"
#include "gemm.hpp"

namespace anagram::ANAGRAM_ISA_NAME {
namespace {

// ------------------------------------------------------------------------------ forward sweep

// h_0 of the tile: the jet of the coordinates themselves, [n, slots(0), in_pad].
template <class T> void fill_input(const TileNet<T> &net, const T *points, int64_t n, T *h) {
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

// z of the first layer, [n, slots(0), out_pad], straight from the coordinates: only the value's
// slot differs between points, and derivatives above the first vanish.
template <class T> void input_layer(const TileNet<T> &net, const T *points, int64_t n, T *z) {
  const Layer<T> &layer = net.layers[0];
  const int64_t pad = layer.out_pad, jet = net.slots(0) * pad;
  const auto add_column = [&](T scale, int64_t c, T *out) {
    for (int64_t o = 0; o < pad; o += n_lanes<T>)
      store(out + o, load<Vec<T>>(out + o) + scale * load<Vec<T>>(layer.transposed + c * pad + o));
  };
  memset(z, 0, static_cast<size_t>(jet) * sizeof(T));
  for (int k = 1; k < net.slots(0); ++k) // slot k of the closed basis holds component k
    for (int64_t c = 0; c < net.n_in; ++c)
      if (net.linear[k * net.n_in + c] != 0.0)
        add_column(static_cast<T>(net.linear[k * net.n_in + c]), c, z + k * pad);
  for (int64_t i = 0; i < n; ++i) {
    T *value = z + i * jet;
    if (i > 0)
      memcpy(value + pad, z + pad, static_cast<size_t>(jet - pad) * sizeof(T));
    memcpy(value, layer.bias, static_cast<size_t>(pad) * sizeof(T));
    for (int64_t c = 0; c < net.n_in; ++c)
      add_column(points[i * net.n_in + c], c, value);
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

// Calls body(V{}, j) for the neurons j of a padded row: two registers at a time, then one.
template <class T, class Body> ANAGRAM_INLINE void for_lanes(int64_t pad, Body body) {
  int64_t j = 0;
  for (; j + 2 * n_lanes<T> <= pad; j += 2 * n_lanes<T>)
    body(Pair<T>{}, j);
  if (j < pad)
    body(Vec<T>{}, j);
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
  // derivative of z at neuron j
  const auto slope = [&](int component, int64_t j) {
    T sum = 0;
    for (int64_t c = 0; c < net.n_in; ++c)
      sum += static_cast<T>(net.linear[component * net.n_in + c]) * layer.transposed[c * pad + j];
    return sum;
  };
  for (int k = 0; k < table.n_entries; ++k, factors += table.order * pad) {
    const JetEntry entry = table.entries[k];
    if (entry.component == 0)
      continue;
    for (int64_t j = 0; j < layer.n_out; ++j)
      factors[j] = slope(entry.component, j);
    for (int t = entry.first_term; t < entry.last_term; ++t) {
      const JetTerm &term = table.terms[t];
      for (int64_t j = 0; j < layer.n_out; ++j) {
        T product = static_cast<T>(term.coefficient);
        for (int f = 0; f < term.n_factors; ++f)
          product *= slope(term.factor[f], j);
        factors[(term.n_factors - 1) * pad + j] += product;
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

// h [n, slots(1), out_pad] of a sweep without a record. d: scratch, as in activate.
template <class T>
void first_hidden_layer(const TileNet<T> &net, const T *points, int64_t n, T *factors, T *d, T *h) {
  const JetTable &table = net.table(1);
  const Layer<T> &layer = net.layers[0];
  const int64_t pad = layer.out_pad;
  input_factors(net, factors);
  for (int64_t i = 0; i < n; ++i, points += net.n_in) {
    T *value = d + (table.order + 1) * pad;
    for (int64_t j = 0; j < pad; j += n_lanes<T>) {
      Vec<T> z = load<Vec<T>>(layer.bias + j);
      for (int64_t c = 0; c < net.n_in; ++c)
        z += points[c] * load<Vec<T>>(layer.transposed + c * pad + j);
      store(value + j, z);
    }
    derivatives(net.activation, value, pad, table.order, d);
    for (int k = 0; k < table.n_entries; ++k, h += pad)
      combine(table.entries[k], d, factors + k * table.order * pad, pad, h);
  }
}

template <class T>
void hidden_layers(const TileNet<T> &net, const TileBuffers<T> &buffers, const T *points,
                   int64_t n) {
  if (buffers.d || net.depth == 1) // who else reads the input's jet?
    fill_input(net, points, n, buffers.h[0]);
  for (int l = 0; l + 1 < net.depth; ++l) {
    if (l == 0 && !buffers.d) {
      first_hidden_layer(net, points, n, buffers.z[0], buffers.derivatives, buffers.h[1]);
      continue;
    }
    if (l == 0)
      input_layer(net, points, n, buffers.z[0]);
    else
      affine(net, l, buffers.h[l], n, buffers.z[l]);
    T *d = buffers.d ? buffers.d[l] : buffers.derivatives;
    activate(net, l, n, buffers.z[l], buffers.h[l + 1], d, buffers.d != nullptr);
  }
}

template <class T> T dot(const T *a, const T *b, int64_t n_padded) {
  Vec<T> sum = splat<Vec<T>>(T(0));
  for (int64_t j = 0; j < n_padded; j += n_lanes<T>)
    sum += load<Vec<T>>(a + j) * load<Vec<T>>(b + j);
  return sum_lanes<T>(sum);
}

template <class T>
void jets(const TileNet<T> &net, const TileBuffers<T> &buffers, const T *points, int64_t n, T *out,
          int64_t n_total) {
  hidden_layers(net, buffers, points, n);
  const Layer<T> &last = net.layers[net.depth - 1];
  const T *h = buffers.h[net.depth - 1];
  for (int64_t i = 0; i < n; ++i)
    for (int k = 0; k < net.outer.n_entries; ++k, h += last.in_pad)
      for (int64_t o = 0; o < net.n_out; ++o) {
        const T bias = net.outer.entries[k].component == 0 ? last.bias[o] : T(0);
        out[(k * net.n_out + o) * n_total + i] =
            dot(h, last.weight + o * last.in_pad, last.in_pad) + bias;
      }
}

template <class T>
void record(const TileNet<T> &net, const TileBuffers<T> &buffers, const T *points, int64_t n) {
  hidden_layers(net, buffers, points, n);
}

// ------------------------------------------------------------------------------ reverse sweep

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

// zbar h^T [n_out, n_in] when a row is shorter than a register (a layer that reads coordinates):
// the transpose is computed instead and scattered. scratch [n_in, out_pad].
template <class T>
void narrow_block(const Layer<T> &layer, int slots, const T *zbar, const T *h, T *scratch,
                  T *block) {
  gemm<T>(layer.n_in, layer.out_pad, slots, {h, 1, layer.in_pad}, zbar, layer.out_pad, scratch,
          layer.out_pad);
  for (int64_t o = 0; o < layer.n_out; ++o)
    for (int64_t c = 0; c < layer.n_in; ++c)
      block[o * layer.n_in + c] = scratch[c * layer.out_pad + o];
}

// J[i, W_l] = sum over slots of zbar h^T, J[i, b_l] = zbar of the value.
template <class T>
void rows(const TileNet<T> &net, const TileBuffers<T> &buffers, Seeds<T> seeds, int64_t n, T *j,
          int64_t row_stride) {
  reverse<T>(net, buffers, seeds, nullptr, n, [&](int l, const T *zbar) {
    const Layer<T> &layer = net.layers[l];
    const int slots = net.slots(l);
    const int value = value_slot(net, l);
    for (int64_t i = 0; i < n; ++i) {
      const T *adjoint = zbar + i * slots * layer.out_pad;
      const T *h = buffers.h[l] + i * slots * layer.in_pad;
      T *row = j + i * row_stride + layer.offset;
      if (layer.n_in < n_lanes<T>)
        narrow_block(layer, slots, adjoint, h, buffers.adjoint[0], row);
      else
        gemm<T>(layer.n_out, layer.n_in, slots, {adjoint, 1, layer.out_pad}, h, layer.in_pad, row,
                layer.n_in);
      T *bias = row + layer.n_out * layer.n_in;
      for (int64_t o = 0; o < layer.n_out; ++o)
        bias[o] = value < 0 ? T(0) : adjoint[value * layer.out_pad + o];
    }
  });
}

// The rows summed with weights w, never stored: one product over all points and slots a layer.
template <class T>
void gradient(const TileNet<T> &net, const TileBuffers<T> &buffers, Seeds<T> seeds, const T *w,
              int64_t n, T *gradient) {
  reverse<T>(net, buffers, seeds, w, n, [&](int l, const T *zbar) {
    const Layer<T> &layer = net.layers[l];
    const int slots = net.slots(l);
    const int value = value_slot(net, l);
    T *sum = gradient + layer.offset;
    gemm<T, true>(layer.n_out, layer.n_in, n * slots, {zbar, 1, layer.out_pad}, buffers.h[l],
                  layer.in_pad, sum, layer.n_in);
    T *bias = sum + layer.n_out * layer.n_in;
    if (value >= 0)
      for (int64_t i = 0; i < n; ++i)
        for (int64_t o = 0; o < layer.n_out; ++o)
          bias[o] += zbar[(i * slots + value) * layer.out_pad + o];
  });
}

// J[i, :] v = sum over layers of zbar . (V h + v_b).
template <class T>
void tangent(const TileNet<T> &net, const TileBuffers<T> &buffers, Seeds<T> seeds,
             const Layer<T> *v, int64_t n, T *scratch, T *out) {
  for (int64_t i = 0; i < n; ++i)
    out[i] = T(0);
  reverse<T>(net, buffers, seeds, nullptr, n, [&](int l, const T *zbar) {
    const Layer<T> &layer = v[l];
    const int slots = net.slots(l);
    const int value = value_slot(net, l);
    gemm<T>(n * slots, layer.out_pad, layer.n_in, {buffers.h[l], layer.in_pad, 1}, layer.transposed,
            layer.out_pad, scratch, layer.out_pad);
    const int64_t length = slots * layer.out_pad; // contiguous slots of one point
    for (int64_t i = 0; i < n; ++i) {
      out[i] += dot(zbar + i * length, scratch + i * length, length);
      if (value >= 0)
        out[i] += dot(zbar + i * length + value * layer.out_pad, layer.bias, layer.out_pad);
    }
  });
}

template <class T>
constexpr Kernels<T> table = {n_lanes<T>, jets<T>, record<T>, rows<T>, gradient<T>, tangent<T>};

} // namespace

// Found by dispatch.cpp.
extern const Kernels<double> kernels_f64;
extern const Kernels<float> kernels_f32;
const Kernels<double> kernels_f64 = table<double>;
const Kernels<float> kernels_f32 = table<float>;

} // namespace anagram::ANAGRAM_ISA_NAME
