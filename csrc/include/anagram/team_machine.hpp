// A team of lanes as the machine of a sweep, and the sweeps as work for the blocks of a grid.
#pragma once

#include "tile_sweep.hpp"

namespace anagram::ANAGRAM_ISA_NAME {

template <class Team> struct TeamMachine {
  const Team &team;

  template <class Step> ANAGRAM_HD void run(const Step &step) const { step(team); }
  ANAGRAM_HD void barrier() const { team.sync(); }

  template <class T>
  ANAGRAM_HD void affine(const LayerShape &layer, const Weights<T> &weights, int rows, const T *h,
                         T *z) const {
    TeamProduct<T, false>{1,
                          rows,
                          layer.n_out,
                          layer.n_in,
                          {h, 0, layer.n_in, 1},
                          {weights.transposed + layer.offset, 0, layer.n_out, 1},
                          {z, 0, layer.n_out, 1}}(team);
  }

  template <class T>
  ANAGRAM_HD void pull_back(const LayerShape &layer, const Weights<T> &weights, int rows,
                            const T *zbar, T *hbar) const {
    TeamProduct<T, false>{1,
                          rows,
                          layer.n_in,
                          layer.n_out,
                          {zbar, 0, layer.n_out, 1},
                          {weights.theta + layer.offset, 0, layer.n_in, 1},
                          {hbar, 0, layer.n_in, 1}}(team);
  }

  // Each lane adds to the same elements in every tile, so that tiles need no barrier for it.
  template <class T>
  ANAGRAM_HD void add_gradient(const LayerShape &layer, int n, int slots, int value, const T *zbar,
                               const T *h, T *gradient) const {
    TeamProduct<T, true>{1,
                         layer.n_out,
                         layer.n_in,
                         n * slots,
                         {zbar, 0, 1, layer.n_out},
                         {h, 0, layer.n_in, 1},
                         {gradient + layer.offset, 0, layer.n_in, 1}}(team);
    if (value < 0)
      return;
    for_each(team, 1, 1, layer.n_out, [&](int, int, int o) {
      T sum = T(0);
      for (int i = 0; i < n; ++i)
        sum += zbar[(static_cast<int64_t>(i) * slots + value) * layer.n_out + o];
      gradient[layer.bias() + o] += sum;
    });
  }
};

// What all blocks of a launch share. Tiles have `tile` points, the last one of a set fewer.
template <class T> struct SweepInput {
  DeviceNet net;
  Weights<T> weights;
  const T *points; // [n, d]
  int64_t n;
  const T *seeds; // [n_residuals, K, m, n]; null for jets
  int n_residuals;
  int tile;

  ANAGRAM_HD int64_t n_tiles() const { return (n + tile - 1) / tile; }

  ANAGRAM_HD Tile<T> tile_at(int64_t index, Task task, T *scratch) const {
    const int64_t first = index * tile;
    const int count = static_cast<int>(n - first < tile ? n - first : tile);
    return {TileLayout(net, count, task), weights, points + first * net.n_inputs, scratch};
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

  template <class Team>
  ANAGRAM_HD void operator()(const Team &team, int64_t block, T *scratch) const {
    const int64_t which = block / in.n_tiles(), index = block % in.n_tiles();
    Tile<T> tile = in.tile_at(index, Task::jets, scratch);
    tile.weights.theta += which * in.net.n_parameters;
    tile.weights.transposed += which * in.net.n_parameters;
    const int64_t size = static_cast<int64_t>(in.net.outer.n_entries) * in.net.n_outputs * in.n;
    jets(TeamMachine<Team>{team}, tile, out + which * size + index * in.tile, in.n);
  }
};

// Block b: all residual components at tile b.
template <class T> struct JacobianBlock {
  SweepInput<T> in;
  T *j; // [n_residuals * n, P]
  int64_t row_stride;

  template <class Team>
  ANAGRAM_HD void operator()(const Team &team, int64_t block, T *scratch) const {
    const TeamMachine<Team> machine{team};
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

  template <class Team>
  ANAGRAM_HD void operator()(const Team &team, int64_t block, T *scratch) const {
    const TeamMachine<Team> machine{team};
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

  template <class Team>
  ANAGRAM_HD void operator()(const Team &team, int64_t block, T *scratch) const {
    const TeamMachine<Team> machine{team};
    const int64_t first = block * in.n_tiles() / n_chunks;
    const int64_t end = (block + 1) * in.n_tiles() / n_chunks;
    for (int64_t index = first; index < end; ++index) {
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
