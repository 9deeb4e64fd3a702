// Host memory behind a tile: packed weights and the buffers of one worker.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "anagram/engine/layer_shape.hpp"
#include "cpu/engine/tile.hpp"

namespace anagram {

constexpr int64_t cache_line = 64;
constexpr int64_t max_lanes = cache_line / 4; // floats of the longest register

inline int64_t round_up(int64_t n, int64_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

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

template <class T> class AlignedBlock {
public:
  explicit AlignedBlock(int64_t n)
      : memory_(new T[static_cast<size_t>(n + cache_line)]), data_(aligned(memory_.get())) {}
  T *data() { return data_; }

private:
  static T *aligned(T *p) {
    const auto address = reinterpret_cast<uintptr_t>(p);
    const auto up = (address + cache_line - 1) / cache_line * cache_line;
    return p + (up - address) / sizeof(T);
  }
  std::unique_ptr<T[]> memory_;
  T *data_;
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
