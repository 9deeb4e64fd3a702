#include "cpu/solver/lapack.hpp"

#include "cpu/shared_library.hpp"

#include <algorithm>
#include <stdexcept>
#include <thread>

namespace anagram {
namespace {

struct ThreadControl {
  int (*get)() = nullptr;
  void (*set)(int) = nullptr;
};

struct BoundLibrary {
  LapackTable<double> d;
  LapackTable<float> s;
  std::string name;
  ThreadControl threads;
};

BoundLibrary &bound() {
  static BoundLibrary library;
  return library;
}

template <class T> const LapackTable<T> &table_of(const BoundLibrary &library);
template <> const LapackTable<double> &table_of(const BoundLibrary &library) { return library.d; }
template <> const LapackTable<float> &table_of(const BoundLibrary &library) { return library.s; }

// Fills `table`; returns " name" of each function that is missing.
template <class T>
std::string fill(LapackTable<T> &table, const char *prefix,
                 const std::function<void *(const std::string &)> &address_of) {
  std::string missing;
#define ANAGRAM_FILL(name, arguments)                                                              \
  if (void *address = address_of(std::string(prefix) + #name))                                     \
    table.name = reinterpret_cast<void(*) arguments>(address);                                     \
  else                                                                                             \
    missing += std::string(" ") + prefix + #name;
  ANAGRAM_FOR_EACH_LAPACK_FUNCTION(ANAGRAM_FILL)
#undef ANAGRAM_FILL
  return missing;
}

} // namespace

template <class T> const LapackTable<T> &lapack() {
  if (bound().name.empty())
    throw std::runtime_error("no BLAS/LAPACK library is bound");
  return table_of<T>(bound());
}
template const LapackTable<double> &lapack();
template const LapackTable<float> &lapack();

std::string bind_lapack(const std::string &backend,
                        const std::function<void *(const std::string &)> &address_of) {
  BoundLibrary library;
  const std::string missing = fill(library.d, "d", address_of) + fill(library.s, "s", address_of);
  if (missing.empty()) {
    library.name = backend;
    bound() = library;
  }
  return missing;
}

std::string bind_lapack_library(const std::string &backend, const std::string &path,
                                const std::string &prefix) {
  const SharedLibrary library(path);
  // An LP64 library has plain names; ILP64 builds say so by a suffix (dgemm_64_) that is not tried.
  const std::string missing = bind_lapack(
      backend, [&](const std::string &name) { return library.find(prefix + name + "_"); });
  if (missing.empty())
    bind_blas_threads(path, prefix);
  return missing;
}

const std::string &lapack_backend() { return bound().name; }

void bind_blas_threads(const std::string &path, const std::string &prefix) {
  const SharedLibrary library(path);
  static const char *const names[][2] = {
      {"openblas_get_num_threads", "openblas_set_num_threads"},
      {"MKL_Get_Max_Threads", "MKL_Set_Num_Threads"},
  };
  for (const auto &[get, set] : names) {
    void *get_address = library.find(prefix + get);
    void *set_address = library.find(prefix + set);
    if (get_address && set_address) {
      bound().threads.get = reinterpret_cast<int (*)()>(get_address);
      bound().threads.set = reinterpret_cast<void (*)(int)>(set_address);
      return;
    }
  }
}

int get_blas_threads() { return bound().threads.get ? bound().threads.get() : 0; }

void set_blas_threads(int count) {
  if (bound().threads.set && count > 0)
    bound().threads.set(count);
}

int BlasThreads::for_factorisation_of(std::int64_t side) {
  constexpr unsigned few_cores = 4;
  constexpr std::int64_t worth_a_thread = 256;
  if (std::thread::hardware_concurrency() <= few_cores)
    return 1;
  const std::int64_t useful = std::max<std::int64_t>(1, side / worth_a_thread);
  return static_cast<int>(std::min<std::int64_t>(useful, get_blas_threads()));
}

} // namespace anagram
