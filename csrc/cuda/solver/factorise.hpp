// The factorisation on a device: the templates of anagram/solver over DeviceLinalg, compiled once.
#pragma once

#include "anagram/solver/factorise.hpp"
#include "cuda/solver/linalg.hpp"

namespace anagram {

#define ANAGRAM_DEVICE_FACTORISATION(prefix, T)                                                    \
  prefix template Factorisation<cuda::DeviceLinalg<T>> factorise(                                  \
      cuda::DeviceLinalg<T> &, MatrixView<const T>, const Tolerance &);                            \
  prefix template Factorisation<cuda::DeviceLinalg<T>> factorise_tiles(                            \
      cuda::DeviceLinalg<T> &, TiledJacobian<cuda::DeviceLinalg<T>> &, const Tolerance &);
ANAGRAM_DEVICE_FACTORISATION(extern, double)
ANAGRAM_DEVICE_FACTORISATION(extern, float)

} // namespace anagram
