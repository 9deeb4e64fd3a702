// A whole operation cut into blocks of tiles: the work of one CUDA block each, or of one round of
// large products.
#pragma once

#include "anagram/engine/tile_sweep.hpp"

namespace anagram::ANAGRAM_ISA_NAME {

// What all blocks of a launch share. Tiles have `tile` points, the last one of a set fewer.
template <class T> struct SweepInput {
  DeviceNet net;
  Weights<T> weights;
  const T *inputs; // points [n, d], or jets of features [n, n_components, n_inputs]
  int64_t n;
  const T *seeds; // [n_residuals, K, m, n]; null for jets
  int n_residuals;
  int tile;

  ANAGRAM_HD int64_t n_tiles() const { return (n + tile - 1) / tile; }

  ANAGRAM_HD Tile<T> tile_at(int64_t index, Task task, T *scratch) const {
    const int64_t first = index * tile;
    const int count = static_cast<int>(n - first < tile ? n - first : tile);
    return {TileLayout(net, count, task), weights, inputs + first * net.input_size(), scratch};
  }
  ANAGRAM_HD TileSeeds<T> seeds_at(int64_t index, int residual, const T *w) const {
    const int64_t block = static_cast<int64_t>(net.outer.n_entries) * net.n_outputs * n;
    return {seeds + residual * block + index * tile, n, w ? w + row_at(index, residual) : nullptr};
  }
  // Rows are component-major.
  ANAGRAM_HD int64_t row_at(int64_t index, int residual) const {
    return residual * n + index * tile;
  }
};

// Block b: tile b % n_tiles of theta number b / n_tiles.
template <class T> struct JetsBlock {
  SweepInput<T> in; // weights of the first theta; the others follow, [q, P]
  T *out;           // [q, K, m, n]

  template <class Machine>
  ANAGRAM_HD void operator()(const Machine &machine, int64_t block, T *scratch) const {
    const int64_t which = block / in.n_tiles(), index = block % in.n_tiles();
    Tile<T> tile = in.tile_at(index, Task::jets, scratch);
    tile.weights.theta += which * in.net.n_parameters;
    tile.weights.transposed += which * in.net.n_parameters;
    const int64_t size = static_cast<int64_t>(in.net.outer.n_entries) * in.net.n_outputs * in.n;
    jets(machine, tile, out + which * size + index * in.tile, in.n);
  }
};

// Block b: all residual components at tile b.
template <class T> struct JacobianBlock {
  SweepInput<T> in;
  T *j; // [n_residuals * n, P]
  int64_t row_stride;

  template <class Machine>
  ANAGRAM_HD void operator()(const Machine &machine, int64_t block, T *scratch) const {
    const Tile<T> tile = in.tile_at(block, Task::rows, scratch);
    forward(machine, tile);
    for (int c = 0; c < in.n_residuals; ++c) {
      if (c > 0)
        machine.barrier(); // zbar is used again
      rows(machine, tile, in.seeds_at(block, c, nullptr), j + in.row_at(block, c) * row_stride,
           row_stride);
    }
  }
};

// Block b: J v at tile b.
template <class T> struct JvpBlock {
  SweepInput<T> in;
  Weights<T> v;
  T *out; // [n_residuals * n]

  template <class Machine>
  ANAGRAM_HD void operator()(const Machine &machine, int64_t block, T *scratch) const {
    const Tile<T> tile = in.tile_at(block, Task::tangent, scratch);
    forward(machine, tile);
    machine.barrier();
    for (int c = 0; c < in.n_residuals; ++c)
      tangent(machine, tile, in.seeds_at(block, c, nullptr), v, out + in.row_at(block, c));
  }
};

// Block b of n_chunks: J^T w summed over a contiguous range of tiles, in order.
template <class T> struct VjpBlock {
  SweepInput<T> in;
  const T *w; // [n_residuals * n]
  int n_chunks;
  T *partial; // [n_chunks, P], zero before

  template <class Machine>
  ANAGRAM_HD void operator()(const Machine &machine, int64_t block, T *scratch) const {
    // In 32 bits, for the sake of registers: points of 2^31 tiles fit no device.
    const int first = static_cast<int>(block * in.n_tiles() / n_chunks);
    const int end = static_cast<int>((block + 1) * in.n_tiles() / n_chunks);
    for (int index = first; index < end; ++index) {
      if (index > first)
        machine.barrier(); // the scratch memory is used again
      const Tile<T> tile = in.tile_at(index, Task::rows, scratch);
      forward(machine, tile);
      for (int c = 0; c < in.n_residuals; ++c) {
        if (c > 0)
          machine.barrier(); // zbar is used again
        gradient(machine, tile, in.seeds_at(index, c, w), partial + block * in.net.n_parameters);
      }
    }
  }
};

} // namespace anagram::ANAGRAM_ISA_NAME
