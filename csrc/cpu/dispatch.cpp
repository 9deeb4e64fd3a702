// Chooses the instruction set once: cpuid, or the one that ANAGRAM_ISA names.
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

#include "cpu/kernels.hpp"

namespace anagram {

#define ANAGRAM_DECLARE_ISA(name)                                                                  \
  namespace name {                                                                                 \
  extern const Kernels<double> kernels_f64;                                                        \
  extern const Kernels<float> kernels_f32;                                                         \
  }
ANAGRAM_DECLARE_ISA(base)
#ifdef ANAGRAM_X86_DISPATCH
ANAGRAM_DECLARE_ISA(avx2)
ANAGRAM_DECLARE_ISA(avx512)
#endif
#undef ANAGRAM_DECLARE_ISA

namespace {

struct Isa {
  const char *name;
  bool (*supported)();
  const Kernels<double> *f64;
  const Kernels<float> *f32;
};

#ifdef ANAGRAM_X86_DISPATCH
bool has_avx2() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}
#endif

bool always() { return true; }

const Isa isas[] = {// best first
#ifdef ANAGRAM_X86_DISPATCH
                    {"avx512", has_avx512, &avx512::kernels_f64, &avx512::kernels_f32},
                    {"avx2", has_avx2, &avx2::kernels_f64, &avx2::kernels_f32},
#endif
                    {"base", always, &base::kernels_f64, &base::kernels_f32}};

const Isa *find(const char *name) {
  for (const Isa &isa : isas)
    if ((*name == '\0' || std::strcmp(isa.name, name) == 0) && isa.supported())
      return &isa;
  return nullptr;
}

std::atomic<const Isa *> selected{nullptr};

const Isa &current() {
  if (const Isa *isa = selected.load())
    return *isa;
  const char *wanted = std::getenv("ANAGRAM_ISA");
  const Isa *isa = find(wanted ? wanted : "");
  if (!isa)
    throw std::invalid_argument(
        "ANAGRAM_ISA must be base, avx2 or avx512, supported by this CPU, or "
        "unset, got '" +
        std::string(wanted) + "'");
  selected.store(isa);
  return *isa;
}

} // namespace

template <> const Kernels<double> &kernels<double>() { return *current().f64; }
template <> const Kernels<float> &kernels<float>() { return *current().f32; }

const char *isa_name() { return current().name; }

bool select_isa(const char *name) {
  const Isa *isa = find(name);
  if (isa)
    selected.store(isa);
  return isa != nullptr;
}

} // namespace anagram
