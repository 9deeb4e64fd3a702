// The tile kernels: what each sweep does with the jets and adjoints of one tile.
//
// Compiled once per instruction set, in that set's namespace and without the standard library's
// templates (see macros.hpp).
#include "forward.hpp"
#include "reverse.hpp"

namespace anagram::ANAGRAM_ISA_NAME {
namespace {

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
          int64_t row_stride, bool streaming) {
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
      else if (streaming && layer.n_in % line_elements<T> == 0)
        gemm_streaming<T>(layer.n_out, layer.n_in, slots, {adjoint, 1, layer.out_pad}, h,
                          layer.in_pad, row, layer.n_in);
      else
        gemm<T>(layer.n_out, layer.n_in, slots, {adjoint, 1, layer.out_pad}, h, layer.in_pad, row,
                layer.n_in);
      T *bias = row + layer.n_out * layer.n_in;
      for (int64_t o = 0; o < layer.n_out; ++o)
        bias[o] = value < 0 ? T(0) : adjoint[value * layer.out_pad + o];
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
constexpr Kernels<T> table = {n_lanes<T>, jets<T>, record<T>, rows<T>, gradient<T>, tangent<T>};

} // namespace

// Found by dispatch.cpp.
extern const Kernels<double> kernels_f64;
extern const Kernels<float> kernels_f32;
const Kernels<double> kernels_f64 = table<double>;
const Kernels<float> kernels_f32 = table<float>;

} // namespace anagram::ANAGRAM_ISA_NAME
