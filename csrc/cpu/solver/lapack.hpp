// BLAS and LAPACK through a table of function pointers that is filled at run time: nothing to link.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace anagram {

using BlasInt = int; // LP64; 64-bit-integer libraries are refused when binding

// X(name, (Fortran arguments)) for T = float and double
#define ANAGRAM_FOR_EACH_LAPACK_FUNCTION(X)                                                        \
  X(gemm,                                                                                          \
    (const char *, const char *, const BlasInt *, const BlasInt *, const BlasInt *, const T *,     \
     const T *, const BlasInt *, const T *, const BlasInt *, const T *, T *, const BlasInt *))     \
  X(gemv, (const char *, const BlasInt *, const BlasInt *, const T *, const T *, const BlasInt *,  \
           const T *, const BlasInt *, const T *, T *, const BlasInt *))                           \
  X(geqrt, (const BlasInt *, const BlasInt *, const BlasInt *, T *, const BlasInt *, T *,          \
            const BlasInt *, T *, BlasInt *))                                                      \
  X(gemqrt, (const char *, const char *, const BlasInt *, const BlasInt *, const BlasInt *,        \
             const BlasInt *, const T *, const BlasInt *, const T *, const BlasInt *, T *,         \
             const BlasInt *, T *, BlasInt *))                                                     \
  X(orgqr, (const BlasInt *, const BlasInt *, const BlasInt *, T *, const BlasInt *, const T *,    \
            T *, const BlasInt *, BlasInt *))                                                      \
  X(larft, (const char *, const char *, const BlasInt *, const BlasInt *, const T *,               \
            const BlasInt *, const T *, T *, const BlasInt *))                                     \
  X(gebrd, (const BlasInt *, const BlasInt *, T *, const BlasInt *, T *, T *, T *, T *, T *,       \
            const BlasInt *, BlasInt *))                                                           \
  X(bdsdc, (const char *, const char *, const BlasInt *, T *, T *, T *, const BlasInt *, T *,      \
            const BlasInt *, T *, BlasInt *, T *, BlasInt *, BlasInt *))

template <class T> struct LapackTable {
#define ANAGRAM_DECLARE(name, arguments) void(*name) arguments = nullptr;
  ANAGRAM_FOR_EACH_LAPACK_FUNCTION(ANAGRAM_DECLARE)
#undef ANAGRAM_DECLARE
};

// The table that is bound; throws std::runtime_error when none is.
template <class T> const LapackTable<T> &lapack();

// Looks up every function ("dgemm", "sgesdd", ...) by `address_of` (null: missing) and makes the
// result the bound table. When some are missing nothing changes and their names are returned.
std::string bind_lapack(const std::string &backend,
                        const std::function<void *(const std::string &)> &address_of);

// The same from a shared library whose symbols read prefix + "dgemm" + "_". Throws
// std::runtime_error when it cannot be loaded.
std::string bind_lapack_library(const std::string &backend, const std::string &path,
                                const std::string &prefix);

// The bound library's name; empty before binding.
const std::string &lapack_backend();

// Threads of the bound library. Its control functions are looked up in the shared library `path`;
// libraries without any keep their own count: get returns 0, set does nothing.
void bind_blas_threads(const std::string &path, const std::string &prefix);
int get_blas_threads();
void set_blas_threads(int count);

// Sets the number of BLAS threads for a scope. OpenBLAS and MKL threads spin while they wait for
// each other: on a machine with few cores that are busy otherwise, two of them take twenty times as
// long as one. Within our own thread pool it must be one.
class BlasThreads {
public:
  explicit BlasThreads(int count) : before_(get_blas_threads()) { set_blas_threads(count); }
  ~BlasThreads() { set_blas_threads(before_); }
  BlasThreads(const BlasThreads &) = delete;
  BlasThreads &operator=(const BlasThreads &) = delete;

  // One on small machines and for small matrices, else as many as the library wants.
  static int for_factorisation_of(std::int64_t side);

private:
  int before_;
};

} // namespace anagram
