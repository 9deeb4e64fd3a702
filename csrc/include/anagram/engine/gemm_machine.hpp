// Large matrix products as the machine of a sweep, for nets too wide for shared memory: the tile is
// thousands of points in device memory.
//
// A backend has
//   run(step)   a step of tile_phases.hpp, on all lanes of the device
//   gemm(transpose_a, transpose_b, m, n, k, a, lda, b, ldb, add, c, ldc)
//               C [m, n] (+)= op(A) op(B), column-major as in BLAS
//   ones(n)     a vector of n ones
// and keeps the order of what it is given, so that no barrier is needed.
#pragma once

#include "anagram/engine/tile_sweep.hpp"

namespace anagram::ANAGRAM_ISA_NAME {

// A row-major matrix is its own transpose in column-major order: every product below is written for
// the transposes.
template <class Backend> struct GemmMachine {
  const Backend &backend;

  template <class Step> void run(const Step &step) const { backend.run(step); }
  void barrier() const {}

  template <class T>
  void affine(const LayerShape &layer, const Weights<T> &weights, int rows, const T *h,
              T *z) const {
    backend.gemm(true, false, layer.n_out, rows, layer.n_in, weights.theta + layer.offset,
                 layer.n_in, h, layer.n_in, false, z, layer.n_out);
  }

  template <class T>
  void pull_back(const LayerShape &layer, const Weights<T> &weights, int rows, const T *zbar,
                 T *hbar) const {
    backend.gemm(false, false, layer.n_in, rows, layer.n_out, weights.theta + layer.offset,
                 layer.n_in, zbar, layer.n_out, false, hbar, layer.n_in);
  }

  template <class T>
  void add_gradient(const LayerShape &layer, int n, int slots, int value, const T *zbar, const T *h,
                    T *gradient) const {
    backend.gemm(false, true, layer.n_in, layer.n_out, n * slots, h, layer.n_in, zbar, layer.n_out,
                 true, gradient + layer.offset, layer.n_in);
    if (value >= 0) // sum over the points of the value's slot
      backend.gemm(false, false, layer.n_out, 1, n, zbar + value * layer.n_out, slots * layer.n_out,
                   backend.template ones<T>(n), n, true, gradient + layer.bias(), layer.n_out);
  }
};

} // namespace anagram::ANAGRAM_ISA_NAME
