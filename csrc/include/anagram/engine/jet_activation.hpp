// The multivariate Faa di Bruno formula, forward and reverse, for one neuron at one point (times
// the lanes of V). Slots of a jet lie `stride` elements apart.
#pragma once

#include "anagram/engine/jet_table.hpp"
#include "anagram/simd.hpp"

namespace anagram::ANAGRAM_ISA_NAME {

// d[order] for 1 <= order <= max_order + 1. An array that is indexed at run time lies in a GPU's
// local memory, one that is chosen from stays in registers.
template <class V> ANAGRAM_HD ANAGRAM_INLINE V derivative(const V *d, int order) {
#ifdef __CUDA_ARCH__
  static_assert(max_order == 4, "one choice an order");
  const V low = order < 2 ? d[1] : d[2], high = order < 4 ? d[3] : d[4];
  return order < 3 ? low : order < 5 ? high : d[5];
#else
  return d[order];
#endif
}

// h = s(z): d holds s^(0 .. order)(z_0).
template <class V, class T>
ANAGRAM_HD ANAGRAM_INLINE void jet_forward(const JetTable &table, const V *d, const T *z, T *h,
                                           int64_t stride) {
  for (int k = 0; k < table.n_entries; ++k) {
    const JetEntry entry = table.entries[k];
    V sum = d[0];
    if (entry.component != 0) {
      sum = d[1] * load<V>(z + entry.component * stride);
      for (int t = entry.first_term; t < entry.last_term; ++t) {
        const JetTerm &term = table.terms[t];
        V product = derivative(d, term.n_factors) * T(term.coefficient);
        for (int f = 0; f < term.n_factors; ++f)
          product = product * load<V>(z + term.factor[f] * stride);
        sum = sum + product;
      }
    }
    store(h + k * stride, sum);
  }
}

template <class V, class T> ANAGRAM_HD ANAGRAM_INLINE void add_to(T *p, V v) {
  store(p, load<V>(p) + v);
}

// Adjoint of jet_forward: zbar = (dh/dz)^T hbar. d holds s^(0 .. order + 1)(z_0). One pass over the
// terms gives both the adjoint of every factor and, through s^(m+1), that of the value.
template <class V, class T>
ANAGRAM_HD ANAGRAM_INLINE void jet_reverse(const JetTable &table, const V *d, const T *z,
                                           const T *hbar, T *zbar, int64_t stride) {
  for (int c = 1; c < table.n_components; ++c)
    store(zbar + c * stride, splat<V>(T(0)));
  V value = splat<V>(T(0)); // zbar_0
  for (int k = 0; k < table.n_entries; ++k) {
    const JetEntry entry = table.entries[k];
    const V adjoint = load<V>(hbar + k * stride);
    if (entry.component == 0) {
      value = value + d[1] * adjoint;
      continue;
    }
    value = value + d[2] * adjoint * load<V>(z + entry.component * stride);
    add_to(zbar + entry.component * stride, d[1] * adjoint);
    for (int t = entry.first_term; t < entry.last_term; ++t) {
      const JetTerm &term = table.terms[t];
      const V weight = adjoint * T(term.coefficient);
      const V outer = weight * derivative(d, term.n_factors);
      V below = splat<V>(T(1)); // product of the factors before f
      for (int f = 0; f < term.n_factors; ++f) {
        V others = below;
        for (int g = f + 1; g < term.n_factors; ++g)
          others = others * load<V>(z + term.factor[g] * stride);
        add_to(zbar + term.factor[f] * stride, outer * others);
        below = below * load<V>(z + term.factor[f] * stride);
      }
      value = value + weight * derivative(d, term.n_factors + 1) * below;
    }
  }
  store(zbar, value);
}

} // namespace anagram::ANAGRAM_ISA_NAME
