// Derivatives s^(0) .. s^(n) of the activations: polynomials in one or two evaluated functions.
#pragma once

#include "anagram/engine/math.hpp"

namespace anagram {

enum class Activation { tanh, sin, softplus, gelu, silu, identity };

constexpr int max_derivatives = 6; // s^(0) .. s^(5): order 4 and one more for the reverse sweep

} // namespace anagram

namespace anagram::ANAGRAM_ISA_NAME {

// d[k] = tanh^(k)(x), polynomials in t = tanh x.
template <class T, class V> ANAGRAM_HD ANAGRAM_INLINE void tanh_derivatives(V x, int n, V *d) {
  const V t = tanh_lanes<T>(x);
  const V t2 = t * t;
  const V g = T(1) - t2;
  d[0] = t;
  d[1] = g;
  if (n < 2)
    return;
  d[2] = t * g * T(-2);
  if (n < 3)
    return;
  d[3] = g * (t2 * T(6) - T(2));
  if (n < 4)
    return;
  d[4] = g * t * (T(16) - t2 * T(24));
  if (n < 5)
    return;
  d[5] = g * (T(16) + t2 * (t2 * T(120) - T(120)));
}

template <class T, class V> ANAGRAM_HD ANAGRAM_INLINE void sin_derivatives(V x, int n, V *d) {
  V sine, cosine;
  sincos_lanes<T>(x, &sine, &cosine);
  d[0] = sine;
  d[1] = cosine;
  ANAGRAM_UNROLL
  for (int k = 2; k < max_derivatives; ++k)
    if (k <= n)
      d[k] = -d[k - 2];
}

// d[k] = sigmoid^(k)(x), k <= 4, polynomials in g = sigmoid' and a = 1 - 2 sigmoid. The fifth is
// only needed by silu.
template <class T, class V> ANAGRAM_HD ANAGRAM_INLINE void sigmoid_derivatives(V x, V *d) {
  const V magnitude = x < T(0) ? -x : x;
  const V e = exp_lanes<T>(-magnitude);
  const V inverse = T(1) / (T(1) + e);
  const V s = x < T(0) ? e * inverse : inverse;
  const V g = e * inverse * inverse;
  const V a = T(1) - s * T(2);
  d[0] = s;
  d[1] = g;
  d[2] = g * a;
  d[3] = g * (T(1) - g * T(6));
  d[4] = g * a * (T(1) - g * T(12));
  d[5] = g * (T(1) + g * (g * T(120) - T(30)));
}

template <class T, class V> ANAGRAM_HD ANAGRAM_INLINE void softplus_derivatives(V x, int n, V *d) {
  V sigmoid[max_derivatives];
  sigmoid_derivatives<T>(x, sigmoid);
  const V magnitude = x < T(0) ? -x : x;
  const V positive = x < T(0) ? splat<V>(T(0)) : x;
  d[0] = positive + each_lane<T>(exp_lanes<T>(-magnitude), Log1p{});
  ANAGRAM_UNROLL
  for (int k = 1; k < max_derivatives; ++k)
    if (k <= n)
      d[k] = sigmoid[k - 1];
}

// x sigmoid(x): s^(k) = x sigmoid^(k) + k sigmoid^(k-1).
template <class T, class V> ANAGRAM_HD ANAGRAM_INLINE void silu_derivatives(V x, int n, V *d) {
  V sigmoid[max_derivatives];
  sigmoid_derivatives<T>(x, sigmoid);
  d[0] = x * sigmoid[0];
  ANAGRAM_UNROLL
  for (int k = 1; k < max_derivatives; ++k)
    if (k <= n)
      d[k] = x * sigmoid[k] + sigmoid[k - 1] * T(k);
}

// x Phi(x) with the normal distribution Phi; derivatives are Hermite-like polynomials times phi.
// Where phi vanishes the polynomials, which may be infinite there, are taken at zero.
template <class T, class V> ANAGRAM_HD ANAGRAM_INLINE void gelu_derivatives(V x, int n, V *d) {
  const V Phi = each_lane<T>(x * T(-0.70710678118654752440), Erfc{}) * T(0.5);
  const V phi = exp_lanes<T>(x * x * T(-0.5)) * T(0.39894228040143267794);
  const V y = phi > T(0) ? x : splat<V>(T(0));
  const V y2 = y * y;
  d[0] = x * Phi;
  d[1] = Phi + y * phi;
  if (n < 2)
    return;
  d[2] = phi * (T(2) - y2);
  if (n < 3)
    return;
  d[3] = phi * y * (y2 - T(4));
  if (n < 4)
    return;
  d[4] = phi * (y2 * (T(7) - y2) - T(4));
  if (n < 5)
    return;
  d[5] = phi * y * (y2 * (y2 - T(11)) + T(18));
}

// d[0 .. n] = s^(0 .. n)(x); d has max_derivatives entries and n >= 1.
template <class T, class V>
ANAGRAM_HD ANAGRAM_INLINE void activation_derivatives(Activation kind, V x, int n, V *d) {
  switch (kind) {
  case Activation::tanh:
    return tanh_derivatives<T>(x, n, d);
  case Activation::sin:
    return sin_derivatives<T>(x, n, d);
  case Activation::softplus:
    return softplus_derivatives<T>(x, n, d);
  case Activation::gelu:
    return gelu_derivatives<T>(x, n, d);
  case Activation::silu:
    return silu_derivatives<T>(x, n, d);
  case Activation::identity:
    d[0] = x;
    d[1] = splat<V>(T(1));
    ANAGRAM_UNROLL
    for (int k = 2; k < max_derivatives; ++k)
      if (k <= n)
        d[k] = splat<V>(T(0));
  }
}

} // namespace anagram::ANAGRAM_ISA_NAME
