// The tile kernels: what each sweep does with the jets and adjoints of one tile.
//
// Compiled once per instruction set, in that set's namespace and without the standard library's
// templates (see macros.hpp).
#include "cpu/kernels.hpp"
#include "embed.hpp"
#include "forward.hpp"
#include "reverse.hpp"

namespace anagram::ANAGRAM_ISA_NAME {
namespace {

// The last layer, for the outputs of every requested component.
template <class T>
void store_jets(const TileNet<T> &net, const TileBuffers<T> &buffers, int64_t n, T *out,
                int64_t n_total) {
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
void jets(const TileNet<T> &net, const TileBuffers<T> &buffers, const T *inputs, int64_t n, T *out,
          int64_t n_total) {
  hidden_layers(net, buffers, inputs, n);
  store_jets(net, buffers, n, out, n_total);
}

template <class T>
void record(const TileNet<T> &net, const TileBuffers<T> &buffers, const T *inputs, int64_t n,
            T *out, int64_t n_total) {
  hidden_layers(net, buffers, inputs, n);
  if (out)
    store_jets(net, buffers, n, out, n_total);
}

// Rows [first, first + count) of zbar h^T [n_out, n_in] when such a row is shorter than a register
// (a layer that reads coordinates): the transpose is computed instead and scattered. scratch [n_in,
// out_pad].
template <class T>
void narrow_block(const Layer<T> &layer, int slots, const T *zbar, const T *h, int64_t first,
                  int64_t count, T *scratch, T *block) {
  gemm<T>(layer.n_in, count, slots, {h, 1, layer.in_pad}, zbar + first, layer.out_pad, scratch,
          layer.out_pad);
  for (int64_t o = 0; o < count; ++o)
    for (int64_t c = 0; c < layer.n_in; ++c)
      block[o * layer.n_in + c] = scratch[c * layer.out_pad + o];
}

// Rows [first, first + count) of J[i, W_l] = sum over slots of zbar h^T, and behind the last of
// them J[i, b_l] = zbar of the value: consecutive columns of J. Returns how many.
template <class T>
int64_t layer_columns(const Layer<T> &layer, int slots, int value, const T *zbar, const T *h,
                      int64_t first, int64_t count, T *scratch, T *out) {
  if (layer.n_in < n_lanes<T>)
    narrow_block(layer, slots, zbar, h, first, count, scratch, out);
  else
    gemm<T>(count, layer.n_in, slots, {zbar + first, 1, layer.out_pad}, h, layer.in_pad, out,
            layer.n_in);
  const int64_t weights = count * layer.n_in;
  if (first + count < layer.n_out)
    return weights;
  for (int64_t o = 0; o < layer.n_out; ++o)
    out[weights + o] = value < 0 ? T(0) : zbar[value * layer.out_pad + o];
  return weights + layer.n_out;
}

// Copies past the caches, for a destination too large to be read from them again: a plain store
// would first read what it overwrites. Whole cache lines, but for the two ends: a line that is left
// half written costs more than it saves.
template <class T> void copy_streaming(const T *from, int64_t n, T *to) {
  const int64_t head = elements_to_line(to) < n ? elements_to_line(to) : n;
  memcpy(to, from, static_cast<size_t>(head) * sizeof(T));
  int64_t i = head;
  for (; i + line_elements<T> <= n; i += line_elements<T>)
    for (int64_t j = 0; j < line_elements<T>; j += n_lanes<T>)
      store_streaming(to + i + j, load<Vec<T>>(from + i + j));
  memcpy(to + i, from + i, static_cast<size_t>(n - i) * sizeof(T));
}

template <class T>
void rows(const TileNet<T> &net, const TileBuffers<T> &buffers, Seeds<T> seeds, int64_t n, T *j,
          int64_t row_stride, bool streaming) {
  reverse<T>(net, buffers, seeds, nullptr, n, [&](int l, const T *zbar) {
    const Layer<T> &layer = net.layers[l];
    const int slots = net.slots(l), value = value_slot(net, l);
    // whole registers of neurons where there are so many
    const int64_t fit = block_elements > layer.n_in ? block_elements / layer.n_in : 1;
    const int64_t most = fit > n_lanes<T> ? fit - fit % n_lanes<T> : fit;
    const int64_t at_once = streaming ? most : layer.n_out;
    for (int64_t i = 0; i < n; ++i) {
      const T *adjoint = zbar + i * slots * layer.out_pad;
      const T *h = buffers.h[l] + i * slots * layer.in_pad;
      T *out = j + i * row_stride + layer.offset;
      for (int64_t first = 0; first < layer.n_out; first += at_once) {
        const int64_t count = layer.n_out - first < at_once ? layer.n_out - first : at_once;
        T *block = streaming ? buffers.block : out;
        const int64_t columns =
            layer_columns(layer, slots, value, adjoint, h, first, count, buffers.adjoint[0], block);
        if (streaming)
          copy_streaming(block, columns, out);
        out += columns;
      }
    }
  });
  if (streaming)
    end_streaming();
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
constexpr Kernels<T> table = {n_lanes<T>,  jets<T>,    record<T>,     rows<T>,
                              gradient<T>, tangent<T>, add_to_sums<T>};

} // namespace

// Found by dispatch.cpp.
extern const Kernels<double> kernels_f64;
extern const Kernels<float> kernels_f32;
const Kernels<double> kernels_f64 = table<double>;
const Kernels<float> kernels_f32 = table<float>;

} // namespace anagram::ANAGRAM_ISA_NAME
