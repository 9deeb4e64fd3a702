// A register of lanes, or one number where there are no vector registers (device code, MSVC).
//
// The arithmetic is written once for a type V that is either; comparison and ?: read the same for
// both, because gcc and clang give vector types element-wise operators.
#pragma once

#include <cstdint>
#include <cstring>

#include "anagram/macros.hpp"

#if defined(__AVX512F__) && !defined(__CUDACC__)
#include <immintrin.h>
#endif

namespace anagram::ANAGRAM_ISA_NAME {

#if defined(__GNUC__) && !defined(__CUDACC__)
#if defined(__AVX512F__)
constexpr int vector_bytes = 64;
#elif defined(__AVX__)
constexpr int vector_bytes = 32;
#else
constexpr int vector_bytes = 16;
#endif
typedef double VecF64 __attribute__((vector_size(vector_bytes)));
typedef float VecF32 __attribute__((vector_size(vector_bytes)));
typedef uint64_t VecU64 __attribute__((vector_size(vector_bytes)));
typedef uint32_t VecU32 __attribute__((vector_size(vector_bytes)));
#else
typedef double VecF64;
typedef float VecF32;
typedef uint64_t VecU64;
typedef uint32_t VecU32;
#endif

template <class T> struct Lanes; // scalar type -> vector type
template <> struct Lanes<double> {
  using Vec = VecF64;
  using Bits = VecU64;
};
template <> struct Lanes<float> {
  using Vec = VecF32;
  using Bits = VecU32;
};
template <class T> using Vec = typename Lanes<T>::Vec;
template <class T> constexpr int n_lanes = static_cast<int>(sizeof(Vec<T>) / sizeof(T));

// Two registers that walk through a table of terms together: half the table look-ups, twice the
// independent work. Only what the jet formulas need.
template <class T> struct Pair {
  Vec<T> a, b;
};
template <class T> ANAGRAM_INLINE Pair<T> operator+(Pair<T> x, Pair<T> y) {
  return {x.a + y.a, x.b + y.b};
}
template <class T> ANAGRAM_INLINE Pair<T> operator*(Pair<T> x, Pair<T> y) {
  return {x.a * y.a, x.b * y.b};
}
template <class T> ANAGRAM_INLINE Pair<T> operator+(Pair<T> x, T y) { return {x.a + y, x.b + y}; }
template <class T> ANAGRAM_INLINE Pair<T> operator*(Pair<T> x, T y) { return {x.a * y, x.b * y}; }

// Unaligned access. A Pair goes register by register: copied as one object it would stay in memory.
template <class V> struct Access {
  template <class T> static ANAGRAM_HD ANAGRAM_INLINE V load(const T *p) {
    V v;
    memcpy(&v, p, sizeof(V));
    return v;
  }
  template <class T> static ANAGRAM_HD ANAGRAM_INLINE void store(T *p, V v) {
    memcpy(p, &v, sizeof(V));
  }
};
template <class T> struct Access<Pair<T>> {
  static ANAGRAM_INLINE Pair<T> load(const T *p) {
    return {Access<Vec<T>>::load(p), Access<Vec<T>>::load(p + n_lanes<T>)};
  }
  static ANAGRAM_INLINE void store(T *p, Pair<T> v) {
    Access<Vec<T>>::store(p, v.a);
    Access<Vec<T>>::store(p + n_lanes<T>, v.b);
  }
};
template <class V, class T> ANAGRAM_HD ANAGRAM_INLINE V load(const T *p) {
  return Access<V>::load(p);
}
template <class V, class T> ANAGRAM_HD ANAGRAM_INLINE void store(T *p, V v) {
  Access<V>::store(p, v);
}

// The first n < n_lanes lanes.
template <class T> ANAGRAM_INLINE void store_first(T *p, Vec<T> v, int64_t n) {
#if defined(__AVX512F__) && !defined(__CUDACC__)
  if constexpr (sizeof(T) == 8)
    _mm512_mask_storeu_pd(p, static_cast<__mmask8>((1u << n) - 1), (__m512d)v);
  else
    _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1), (__m512)v);
#else
  T lane[n_lanes<T>];
  memcpy(lane, &v, sizeof(v));
  for (int64_t i = 0; i < n; ++i)
    p[i] = lane[i];
#endif
}

template <class V, class T> ANAGRAM_HD ANAGRAM_INLINE V splat(T value) { return V{} + value; }

template <class To, class From> ANAGRAM_HD ANAGRAM_INLINE To bit_cast(From v) {
  static_assert(sizeof(To) == sizeof(From), "bit_cast keeps the size");
  To result;
  memcpy(&result, &v, sizeof(To));
  return result;
}

// Stores past the caches to an address aligned to a register; end_streaming() makes such stores
// visible to other threads. Plain stores where the machine has nothing of the kind.
#if defined(__GNUC__) && !defined(__CUDACC__) && defined(__SSE2__)
ANAGRAM_INLINE void store_streaming(double *p, VecF64 v) {
#if defined(__AVX512F__)
  __builtin_ia32_movntpd512(p, v);
#elif defined(__AVX__)
  __builtin_ia32_movntpd256(p, v);
#else
  __builtin_ia32_movntpd(p, v);
#endif
}
ANAGRAM_INLINE void store_streaming(float *p, VecF32 v) {
#if defined(__AVX512F__)
  __builtin_ia32_movntps512(p, v);
#elif defined(__AVX__)
  __builtin_ia32_movntps256(p, v);
#else
  __builtin_ia32_movntps(p, v);
#endif
}
ANAGRAM_INLINE void end_streaming() { __builtin_ia32_sfence(); }
#else
template <class T> ANAGRAM_INLINE void store_streaming(T *p, Vec<T> v) { store(p, v); }
ANAGRAM_INLINE void end_streaming() {}
#endif

// Elements of a cache line, and from p to the next line.
template <class T> constexpr int64_t line_elements = 64 / static_cast<int64_t>(sizeof(T));
template <class T> ANAGRAM_INLINE int64_t elements_to_line(const T *p) {
  const auto at = static_cast<int64_t>(reinterpret_cast<uintptr_t>(p) / sizeof(T));
  return (line_elements<T> - at % line_elements<T>) % line_elements<T>;
}

// Sum of the lanes, halves upon halves.
template <class T> ANAGRAM_INLINE T sum_lanes(Vec<T> v) {
  T lane[n_lanes<T>];
  memcpy(lane, &v, sizeof(v));
  for (int half = n_lanes<T> / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i)
      lane[i] += lane[i + half];
  return lane[0];
}

} // namespace anagram::ANAGRAM_ISA_NAME
