// Elementary functions on a register of lanes: branch-free, no tables, NaN in gives NaN out.
//
// Each is templated on V (vector or scalar) and T (its element). Errors stay below 2 ulp of the
// result's natural scale; tests/cpp/test_jets.cpp compares the activations with libm.
#pragma once

#include <math.h> // ::erfc, ::log1p: C functions, no inline templates that an ISA could leak
#include <type_traits>

#include "anagram/simd.hpp"

namespace anagram::ANAGRAM_ISA_NAME {

template <class T> struct MathConstants;
template <> struct MathConstants<double> {
  using Bits = uint64_t;
  static constexpr double magic = 6755399441055744.0; // 1.5 * 2^52: adding it rounds to an integer
  static constexpr int mantissa = 52, bias = 1023, exp_terms = 13;
  static constexpr double ln2_high = 6.93147180369123816490e-01;
  static constexpr double ln2_low = 1.90821492927058770002e-10;
  static constexpr double exp_min = -708.0, exp_max = 709.0, tanh_max = 20.0;
  // pi/2 in three parts; n * part is exact for n < 2^20 (fdlibm's split)
  static constexpr double pio2_1 = 1.57079632673412561417e+00;
  static constexpr double pio2_2 = 6.07710050630396597660e-11;
  static constexpr double pio2_3 = 2.02226624879595063154e-21;
  static constexpr double sincos_max = 1e6;
};
template <> struct MathConstants<float> {
  using Bits = uint32_t;
  static constexpr float magic = 12582912.0f; // 1.5 * 2^23
  static constexpr int mantissa = 23, bias = 127, exp_terms = 7;
  static constexpr float ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f;
  static constexpr float exp_min = -87.0f, exp_max = 88.0f, tanh_max = 10.0f;
  static constexpr float pio2_1 = 1.5703125f;
  static constexpr float pio2_2 = 4.837512969970703125e-4f;
  static constexpr float pio2_3 = 7.54978995489188216e-8f;
  static constexpr float sincos_max = 8192.0f;
};

// x = k ln 2 + r with |r| <= ln(2)/2. Gives expm1(r) and 2^k.
template <class V, class T> struct ExpParts {
  V expm1_r;
  V power;
};

template <class V, class T> ANAGRAM_HD ANAGRAM_INLINE ExpParts<V, T> exp_parts(V x) {
  using C = MathConstants<T>;
  using Bits = typename std::conditional_t<sizeof(V) == sizeof(T), typename C::Bits,
                                           typename Lanes<T>::Bits>;
  const V shifted = x * T(1.4426950408889634) + C::magic;
  const V k = shifted - C::magic;
  const V r = (x - k * C::ln2_high) - k * C::ln2_low;
  // local, because device code sees no arrays of a namespace
  constexpr double inverse_factorial[] = {
      1.0,          1.0,           1.0 / 2,        1.0 / 6,         1.0 / 24,
      1.0 / 120,    1.0 / 720,     1.0 / 5040,     1.0 / 40320,     1.0 / 362880,
      1. / 3628800, 1. / 39916800, 1. / 479001600, 1. / 6227020800.};
  V p = splat<V>(T(inverse_factorial[C::exp_terms]));
  for (int i = C::exp_terms - 1; i >= 2; --i)
    p = p * r + T(inverse_factorial[i]);
  // the low bits of `shifted` hold k; what stands above them is shifted out
  const Bits power = (bit_cast<Bits>(shifted) + static_cast<typename C::Bits>(C::bias))
                     << C::mantissa;
  return {r + r * r * p, bit_cast<V>(power)};
}

// 0 where the value would be below the normal numbers: whatever it is multiplied by, 0 stays 0.
template <class T, class V> ANAGRAM_HD ANAGRAM_INLINE V exp_lanes(V x) {
  using C = MathConstants<T>;
  V y = x < C::exp_min ? splat<V>(C::exp_min) : x;
  y = y > C::exp_max ? splat<V>(C::exp_max) : y;
  const auto e = exp_parts<V, T>(y);
  return x < C::exp_min ? splat<V>(T(0)) : e.power * e.expm1_r + e.power;
}

// x = k ln(2)/2 + s with |s| <= ln(2)/4, and tanh s = odd / even by the continued fraction of tanh,
// cut where it is exact to 2e-19. The addition theorem, multiplied out, needs one division:
//   tanh x = (2^k (even + odd) - (even - odd)) / (2^k (even + odd) + (even - odd))
// and is accurate near 0 as well, where k = 0 leaves odd / even.
template <class T, class V> ANAGRAM_HD ANAGRAM_INLINE V tanh_lanes(V x) {
  using C = MathConstants<T>;
  using Bits = typename std::conditional_t<sizeof(V) == sizeof(T), typename C::Bits,
                                           typename Lanes<T>::Bits>;
  x = x < -C::tanh_max ? splat<V>(-C::tanh_max) : x;
  x = x > C::tanh_max ? splat<V>(C::tanh_max) : x;
  const V shifted = x * T(2.8853900817779268) + C::magic;
  const V k = shifted - C::magic;
  const V s = (x - k * (C::ln2_high / 2)) - k * (C::ln2_low / 2);
  const V s2 = s * s;
  const V even = ((s2 + T(210)) * s2 + T(4725)) * s2 + T(10395);
  const V odd = s * ((s2 * T(21) + T(1260)) * s2 + T(10395));
  const Bits exponent = bit_cast<Bits>(shifted) + static_cast<typename C::Bits>(C::bias);
  const V power = bit_cast<V>(static_cast<Bits>(exponent << C::mantissa)); // 2^k
  const V less = power - T(1), more = power + T(1);
  return (less * even + more * odd) / (more * even + less * odd);
}

// Scalar C functions lane by lane, for the activations that are too rare to deserve polynomials.
template <class T, class V, class F> ANAGRAM_HD ANAGRAM_INLINE V each_lane(V x, F f) {
  constexpr int n = static_cast<int>(sizeof(V) / sizeof(T));
  T lane[n];
  memcpy(lane, &x, sizeof(V));
  for (int i = 0; i < n; ++i)
    lane[i] = f(lane[i]);
  memcpy(&x, lane, sizeof(V));
  return x;
}

struct Erfc {
  ANAGRAM_HD double operator()(double x) const { return ::erfc(x); }
  ANAGRAM_HD float operator()(float x) const { return ::erfcf(x); }
};
struct Log1p {
  ANAGRAM_HD double operator()(double x) const { return ::log1p(x); }
  ANAGRAM_HD float operator()(float x) const { return ::log1pf(x); }
};
struct Sin {
  ANAGRAM_HD double operator()(double x) const { return ::sin(x); }
  ANAGRAM_HD float operator()(float x) const { return ::sinf(x); }
};
struct Cos {
  ANAGRAM_HD double operator()(double x) const { return ::cos(x); }
  ANAGRAM_HD float operator()(float x) const { return ::cosf(x); }
};

template <class T, class V> ANAGRAM_HD ANAGRAM_INLINE bool all_below(V x, T limit) {
  constexpr int n = static_cast<int>(sizeof(V) / sizeof(T));
  T lane[n];
  memcpy(lane, &x, sizeof(V));
  bool below = true;
  for (int i = 0; i < n; ++i)
    below = below & (lane[i] < limit) & (lane[i] > -limit);
  return below;
}

// sin and cos together: reduction by multiples of pi/2, fdlibm's kernel polynomials; arguments too
// large for the three-part reduction (and NaN) go to libm.
template <class T, class V> ANAGRAM_HD ANAGRAM_INLINE void sincos_lanes(V x, V *sine, V *cosine) {
  using C = MathConstants<T>;
  using Bits = typename std::conditional_t<sizeof(V) == sizeof(T), typename C::Bits,
                                           typename Lanes<T>::Bits>;
  if (!all_below<T>(x, C::sincos_max)) {
    *sine = each_lane<T>(x, Sin{});
    *cosine = each_lane<T>(x, Cos{});
    return;
  }
  const V shifted = x * T(0.63661977236758134308) + C::magic;
  const V k = shifted - C::magic;
  const V r = ((x - k * C::pio2_1) - k * C::pio2_2) - k * C::pio2_3;
  const V r2 = r * r;
  V s = splat<V>(T(1.58969099521155010221e-10));
  s = s * r2 + T(-2.50507602534068634195e-08);
  s = s * r2 + T(2.75573137070700676789e-06);
  s = s * r2 + T(-1.98412698298579493134e-04);
  s = s * r2 + T(8.33333333332248946124e-03);
  s = s * r2 + T(-1.66666666666666324348e-01);
  s = r + r * r2 * s;
  V c = splat<V>(T(-1.13596475577881948265e-11));
  c = c * r2 + T(2.08757232129817482790e-09);
  c = c * r2 + T(-2.75573143513906633035e-07);
  c = c * r2 + T(2.48015872894767294178e-05);
  c = c * r2 + T(-1.38888888888741095749e-03);
  c = c * r2 + T(4.16666666666666019037e-02);
  c = (T(1) - r2 * T(0.5)) + r2 * r2 * c;
  // quadrant k mod 4: odd swaps sine and cosine, bit 1 flips the sign
  const Bits quadrant = bit_cast<Bits>(shifted);
  const Bits one = (quadrant ^ quadrant) + typename C::Bits(1);
  const V sine_unsigned = (quadrant & one) == one ? c : s;
  const V cosine_unsigned = (quadrant & one) == one ? s : c;
  const Bits two = one + one;
  *sine = (quadrant & two) == two ? -sine_unsigned : sine_unsigned;
  *cosine = ((quadrant + one) & two) == two ? -cosine_unsigned : cosine_unsigned;
}

} // namespace anagram::ANAGRAM_ISA_NAME
