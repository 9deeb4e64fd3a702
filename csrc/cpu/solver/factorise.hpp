// The factorisation on the host: the templates of anagram/solver, compiled once.
#pragma once

#include "anagram/solver/factorise.hpp"
#include "cpu/solver/linalg.hpp"

namespace anagram {

template <class T> using HostFactorisation = Factorisation<HostLinalg<T>>;

#define ANAGRAM_HOST_FACTORISATION(prefix, T)                                                      \
  prefix template HostFactorisation<T> factorise(HostLinalg<T> &, MatrixView<const T>,             \
                                                 const Tolerance &);                               \
  prefix template HostFactorisation<T> factorise_tiles(                                            \
      HostLinalg<T> &, TiledJacobian<HostLinalg<T>> &, const Tolerance &);
ANAGRAM_HOST_FACTORISATION(extern, double)
ANAGRAM_HOST_FACTORISATION(extern, float)

} // namespace anagram
