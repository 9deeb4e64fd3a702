// The sweeps over one tile of points, written once for every machine.
//
// A machine runs the steps: a team of lanes in one CUDA block with the tile in shared memory
// (team_machine.hpp), or a CUDA stream with kernels and cuBLAS and the tile in device memory. It
// has
//   run(step)      a step of tile_phases.hpp
//   barrier()      what was run before is visible to what is run after
//   affine(layer, weights, rows, h, z)           z [rows, n_out] = h [rows, n_in] W^T
//   pull_back(layer, weights, rows, zbar, hbar)  hbar [rows, n_in] = zbar [rows, n_out] W
//   add_gradient(layer, n, slots, value, zbar, h, gradient)
#pragma once

#include "anagram/engine/tile_phases.hpp"

namespace anagram::ANAGRAM_ISA_NAME {

// Points, weights and scratch memory of one tile.
template <class T> struct Tile {
  TileLayout layout;
  Weights<T> weights;
  const T *inputs; // of this tile: points [n, d], or jets of features
  T *scratch;      // layout.size() elements

  ANAGRAM_HD const DeviceNet &net() const { return layout.net; }
  ANAGRAM_HD int n() const { return layout.n; }
  ANAGRAM_HD T *h(int l) const { return scratch + layout.h(l); }
  ANAGRAM_HD T *z(int l) const { return scratch + layout.z(l); }
  ANAGRAM_HD T *hbar() const { return scratch + layout.hbar(); }
  ANAGRAM_HD T *zbar() const { return scratch + layout.zbar(); }
};

// One residual component on a tile: its seeds [K, m, n_total], at the tile's first point.
template <class T> struct TileSeeds {
  const T *data;
  int64_t n_total;
  const T *w; // null, or a factor for each of the tile's rows
};

// Fills h of every layer (and z of every hidden one).
template <class Machine, class T>
ANAGRAM_HD void forward(const Machine &machine, const Tile<T> &tile) {
  const DeviceNet &net = tile.net();
  machine.run(FillInput<T>{net, tile.inputs, tile.n(), tile.h(0)});
  for (int l = 0; l + 1 < net.depth; ++l) {
    machine.barrier();
    machine.affine(net.layers[l], tile.weights, tile.n() * net.slots(l), tile.h(l), tile.z(l));
    machine.barrier();
    machine.run(Activate<T>{net, l, tile.n(), tile.weights.theta, tile.z(l), tile.h(l + 1)});
  }
}

// out [K, m, n_total], at the tile's first point.
template <class Machine, class T>
ANAGRAM_HD void jets(const Machine &machine, const Tile<T> &tile, T *out, int64_t n_total) {
  const DeviceNet &net = tile.net();
  const int last = net.depth - 1;
  forward(machine, tile);
  machine.barrier();
  machine.affine(net.layers[last], tile.weights, tile.n() * net.slots(last), tile.h(last),
                 tile.z(last));
  machine.barrier();
  machine.run(StoreJets<T>{net, tile.n(), tile.weights.theta, tile.z(last), out, n_total});
}

// From the seeds down to the first layer. `sink(l)` uses zbar of every layer l; a barrier of its
// own must come before it does, and before it returns.
template <class Machine, class T, class Sink>
ANAGRAM_HD void reverse(const Machine &machine, const Tile<T> &tile, const TileSeeds<T> &seeds,
                        const Sink &sink) {
  const DeviceNet &net = tile.net();
  const int n = tile.n();
  machine.run(FillSeed<T>{net, n, seeds.data, seeds.n_total, seeds.w, tile.zbar()});
  sink(net.depth - 1);
  for (int l = net.depth - 2; l >= 0; --l) {
    machine.pull_back(net.layers[l + 1], tile.weights, n * net.slots(l + 1), tile.zbar(),
                      tile.hbar());
    machine.barrier();
    machine.run(ReverseActivation<T>{net, l, n, tile.z(l), tile.hbar(), tile.zbar()});
    sink(l);
  }
}

// Rows of J, at the tile's first row.
template <class Machine, class T>
ANAGRAM_HD void rows(const Machine &machine, const Tile<T> &tile, const TileSeeds<T> &seeds, T *j,
                     int64_t row_stride) {
  reverse(machine, tile, seeds, [&](int l) {
    machine.barrier();
    machine.run(StoreRows<T>{tile.net(), l, tile.n(), tile.h(l), tile.zbar(), j, row_stride});
  });
}

// gradient [P] += the tile's rows of J, summed with the seeds' factors w.
template <class Machine, class T>
ANAGRAM_HD void gradient(const Machine &machine, const Tile<T> &tile, const TileSeeds<T> &seeds,
                         T *sum) {
  const DeviceNet &net = tile.net();
  reverse(machine, tile, seeds, [&](int l) {
    machine.barrier();
    machine.add_gradient(net.layers[l], tile.n(), net.slots(l), net.value_slot(l), tile.zbar(),
                         tile.h(l), sum);
  });
}

// out [n] = J v at the tile's rows. A barrier must separate it from forward().
template <class Machine, class T>
ANAGRAM_HD void tangent(const Machine &machine, const Tile<T> &tile, const TileSeeds<T> &seeds,
                        const Weights<T> &v, T *out) {
  const DeviceNet &net = tile.net();
  T *vh = tile.scratch + tile.layout.tangent();
  T *partials = tile.scratch + tile.layout.partials();
  reverse(machine, tile, seeds, [&](int l) {
    machine.affine(net.layers[l], v, tile.n() * net.slots(l), tile.h(l), vh);
    machine.barrier();
    machine.run(AddTangent<T>{net, l, tile.n(), v.theta, vh, tile.zbar(), partials});
  });
  machine.barrier();
  machine.run(StoreTangent<T>{net, tile.n(), partials, out});
}

} // namespace anagram::ANAGRAM_ISA_NAME
