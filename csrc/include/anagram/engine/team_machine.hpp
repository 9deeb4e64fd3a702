// A team of lanes as the machine of a sweep: the tile lies in the memory that they share.
#pragma once

#include "anagram/engine/tile_sweep.hpp"

namespace anagram::ANAGRAM_ISA_NAME {

template <class Team> struct TeamMachine {
  const Team &team;

  template <class Step> ANAGRAM_HD void run(const Step &step) const { step(team); }
  ANAGRAM_HD void barrier() const { team.sync(); }

  template <class T>
  ANAGRAM_HD void affine(const LayerShape &layer, const Weights<T> &weights, int rows, const T *h,
                         T *z) const {
    TeamProduct<T, Along::depth, false>{1,
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
    TeamProduct<T, Along::depth, false>{1,
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
    TeamProduct<T, Along::rows, true>{1,
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

} // namespace anagram::ANAGRAM_ISA_NAME
