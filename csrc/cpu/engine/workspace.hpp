// Host memory behind a tile: packed weights and the buffers of one worker.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "anagram/engine/layer_shape.hpp"
#include "cpu/aligned.hpp"
#include "cpu/engine/tile.hpp"

namespace anagram {

constexpr int64_t max_lanes = cache_line / 4; // floats of the longest register

// Hands out aligned pieces of one block. Without memory it only counts, so that the size and the
// layout of a workspace come from the same code.
template <class T> class Arena {
public:
  explicit Arena(T *base = nullptr) : base_(base) {}
  T *take(int64_t n) {
    T *piece = base_ ? base_ + used_ : nullptr;
    used_ += round_up(n, cache_line / static_cast<int64_t>(sizeof(T)));
    return piece;
  }
  int64_t used() const { return used_; }

private:
  T *base_;
  int64_t used_ = 0;
};

// Weights of one theta [P], padded and transposed for the tile kernels.
template <class T> class PackedWeights {
public:
  PackedWeights(const std::vector<LayerShape> &shapes, const T *theta, int64_t lanes);
  const Layer<T> *layers() const { return layers_.data(); }

private:
  int64_t carve(const std::vector<LayerShape> &shapes, int64_t lanes, Arena<T> arena);
  std::vector<Layer<T>> layers_;
  std::unique_ptr<AlignedBlock<T>> memory_;
};

enum class Sweep { forward, reverse }; // forward keeps no record

// Buffers for tiles of up to `n` points.
template <class T> class Workspace {
public:
  Workspace(const TileNet<T> &net, int64_t n, Sweep sweep);
  const TileBuffers<T> &buffers() const { return buffers_; }
  T *scratch() { return scratch_; }                                   // [n, slots, pad]
  static int64_t size(const TileNet<T> &net, int64_t n, Sweep sweep); // elements

private:
  Workspace() = default;
  int64_t carve(const TileNet<T> &net, int64_t n, Sweep sweep, Arena<T> arena);
  std::vector<T *> h_, z_, d_;
  TileBuffers<T> buffers_{};
  T *scratch_ = nullptr;
  std::unique_ptr<AlignedBlock<T>> memory_;
};

} // namespace anagram
