// What the emulated cuBLAS and cuSOLVER share: handles, checks of arguments, and the host's LAPACK.
#pragma once

#include <algorithm>
#include <string>

#include "cuda/runtime/libraries.hpp"
#include "device_memory.hpp"

namespace emulated_cuda {

using anagram::cuda::Handle;
using anagram::cuda::Libraries;

void fill_cublas(Libraries &table);
void fill_cusolver(Libraries &table);

enum class Kind { blas, solver, params };

int create(Handle *handle, Kind kind); // of the current device
int destroy(Handle handle, Kind kind);
int set_stream(Handle handle, Kind kind, void *stream);
bool usable(Handle handle, Kind kind); // it is one, of the current device

struct Refused {
  int status;
};

// The checks of one library call; the first that fails ends it.
struct Checks {
  std::string function;
  int invalid_value;

  void value(bool holds, const char *why) const {
    if (holds)
      return;
    refuse(function + ": " + why);
    throw Refused{invalid_value};
  }
  template <class T> void vector(const T *x, int64_t size) const {
    value(size == 0 || on_device(x, size * static_cast<int64_t>(sizeof(T))), "not device memory");
  }
  template <class T> void matrix(const T *a, int64_t rows, int64_t columns, int64_t ld) const {
    value(rows >= 0 && columns >= 0, "negative size");
    value(ld >= std::max<int64_t>(1, rows), "leading dimension");
    vector(a, rows > 0 && columns > 0 ? (columns - 1) * ld + rows : 0);
  }
  void host(const void *x) const { value(on_host(x), "not host memory"); }
};

// body(checks) with device memory open, if the call may be made at all.
template <class Body>
int call(const std::string &function, Kind kind, Handle handle, const Body &body) {
  if (const int status = take_failure(function))
    return status;
  if (!usable(handle, kind)) {
    refuse(function + ": no handle of this device");
    return 1; // not initialised, in both libraries
  }
  try {
    const Access access;
    body(Checks{function, kind == Kind::blas ? 7 : 3});
  } catch (const Refused &refused) {
    return refused.status;
  }
  return 0;
}

void *fortran_function(const std::string &name); // "dgemm", of the library ANAGRAM_TEST_LAPACK

// Calls the Fortran function for T. Its arguments are all pointers.
template <class T, class... Arguments>
void lapack(const std::string &name, Arguments *...arguments) {
  void *function = fortran_function((sizeof(T) == 8 ? "d" : "s") + name);
  reinterpret_cast<void (*)(Arguments *...)>(function)(arguments...);
}

inline char letter(int operation) { return operation == anagram::cuda::op_t ? 'T' : 'N'; }

} // namespace emulated_cuda
