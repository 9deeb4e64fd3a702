#include "cpu/engine/workspace.hpp"

#include <algorithm>

namespace anagram {

template <class T>
PackedWeights<T>::PackedWeights(const std::vector<LayerShape> &shapes, const T *theta,
                                int64_t lanes) {
  const int64_t size = carve(shapes, lanes, Arena<T>());
  memory_ = std::make_unique<AlignedBlock<T>>(size);
  std::fill_n(memory_->data(), size, T(0)); // the padding must be zero
  carve(shapes, lanes, Arena<T>(memory_->data()));
  for (const Layer<T> &layer : layers_) {
    const T *w = theta + layer.offset;
    T *transposed = const_cast<T *>(layer.transposed);
    T *weight = const_cast<T *>(layer.weight);
    for (int64_t o = 0; o < layer.n_out; ++o)
      for (int64_t i = 0; i < layer.n_in; ++i) {
        weight[o * layer.in_pad + i] = w[o * layer.n_in + i];
        transposed[i * layer.out_pad + o] = w[o * layer.n_in + i];
      }
    std::copy_n(w + layer.n_out * layer.n_in, layer.n_out, const_cast<T *>(layer.bias));
  }
}

template <class T>
int64_t PackedWeights<T>::carve(const std::vector<LayerShape> &shapes, int64_t lanes,
                                Arena<T> arena) {
  layers_.clear();
  for (const LayerShape &shape : shapes) {
    Layer<T> layer{};
    layer.n_in = shape.n_in;
    layer.n_out = shape.n_out;
    layer.in_pad = round_up(layer.n_in, lanes);
    layer.out_pad = round_up(layer.n_out, lanes);
    layer.transposed = arena.take(layer.n_in * layer.out_pad);
    layer.weight = arena.take(layer.n_out * layer.in_pad);
    layer.bias = arena.take(layer.out_pad);
    layer.offset = shape.offset;
    layers_.push_back(layer);
  }
  return arena.used();
}

template <class T> Workspace<T>::Workspace(const TileNet<T> &net, int64_t n, Sweep sweep) {
  memory_ = std::make_unique<AlignedBlock<T>>(size(net, n, sweep));
  carve(net, n, sweep, Arena<T>(memory_->data()));
}

template <class T> int64_t Workspace<T>::size(const TileNet<T> &net, int64_t n, Sweep sweep) {
  return Workspace().carve(net, n, sweep, Arena<T>());
}

template <class T>
int64_t Workspace<T>::carve(const TileNet<T> &net, int64_t n, Sweep sweep, Arena<T> arena) {
  const int slots = std::max(net.inner.n_entries, net.outer.n_entries);
  int64_t widest = 0; // over all layers: the padded width of a jet slot
  for (int l = 0; l < net.depth; ++l)
    widest = std::max({widest, net.layers[l].in_pad, net.layers[l].out_pad});
  // at least a transposed block of a layer narrower than a register, and the factors of the first
  // layer (kernels.cpp: narrow_block, input_factors)
  const int64_t jet = std::max<int64_t>({n * slots, max_lanes, max_order * slots}) * widest;

  const size_t depth = static_cast<size_t>(net.depth);
  h_.resize(depth);
  z_.resize(depth - 1);
  d_.resize(depth - 1);
  if (sweep == Sweep::forward) { // h and z of one layer only, reused by the next
    std::fill(h_.begin(), h_.end(), arena.take(jet));
    std::fill(z_.begin(), z_.end(), arena.take(jet));
    buffers_.derivatives = arena.take((max_derivatives + 1) * widest);
  } else {
    for (size_t l = 0; l < depth; ++l)
      h_[l] = arena.take(n * slots * net.layers[l].in_pad);
    for (size_t l = 0; l + 1 < depth; ++l) {
      z_[l] = arena.take(n * slots * net.layers[l].out_pad);
      d_[l] = arena.take(n * net.n_derivatives * net.layers[l].out_pad);
    }
    for (T *&adjoint : buffers_.adjoint)
      adjoint = arena.take(jet);
    buffers_.seed = arena.take(jet);
    scratch_ = arena.take(jet);
    buffers_.block = arena.take(std::max(block_elements, widest) + widest);
  }
  buffers_.h = h_.data();
  buffers_.z = z_.data();
  buffers_.d = sweep == Sweep::forward ? nullptr : d_.data();
  return arena.used();
}

template class PackedWeights<double>;
template class PackedWeights<float>;
template class Workspace<double>;
template class Workspace<float>;

} // namespace anagram
