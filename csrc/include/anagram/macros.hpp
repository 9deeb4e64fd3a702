// Compiler differences in one place: the arithmetic headers are read by gcc, clang and nvcc.
#pragma once

#if defined(__CUDACC__)
#define ANAGRAM_HD __host__ __device__
#else
#define ANAGRAM_HD
#endif

#if defined(__CUDACC__) || defined(_MSC_VER)
#define ANAGRAM_INLINE inline
#else
#define ANAGRAM_INLINE inline __attribute__((always_inline))
#endif

// Before a loop of constant length whose array should lie in registers: nvcc keeps what is indexed
// at run time in local memory. The host's compiler, which nvcc calls as well, does not know it.
#if defined(__CUDA_ARCH__)
#define ANAGRAM_UNROLL _Pragma("unroll")
#else
#define ANAGRAM_UNROLL
#endif

// Before a loop that nvcc is to unroll by so many rounds: left to itself it takes more of them at
// once than there are registers for.
#if defined(__CUDA_ARCH__)
#define ANAGRAM_PRAGMA(text) _Pragma(#text)
#define ANAGRAM_UNROLL_BY(rounds) ANAGRAM_PRAGMA(unroll(rounds))
#else
#define ANAGRAM_UNROLL_BY(rounds)
#endif

#if defined(_MSC_VER)
#define ANAGRAM_RESTRICT __restrict
#else
#define ANAGRAM_RESTRICT __restrict__
#endif

// Each instruction set compiles the same templates. A namespace of its own keeps the linker from
// merging an AVX copy of an inline function into the code that must run on every CPU.
#ifndef ANAGRAM_ISA_NAME
#define ANAGRAM_ISA_NAME base
#endif
