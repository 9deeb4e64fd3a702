// The factorisation object, once for each dtype; anagram_ext/linear/solve.py picks the class.
#include "cpu/solver/factorise.hpp"
#include "factorisation_class.hpp"
#include "register.hpp"

namespace anagram {
namespace {

struct HostBackend {
  template <class T> using Linalg = HostLinalg<T>;
  struct Place {};
  struct Range {
    explicit Range(const char *) {}
  };
  static dlpack::Device device_of(const TensorView &) { return {dlpack::cpu, 0}; }
  static dlpack::Device device(Place) { return {dlpack::cpu, 0}; }
  static Place place(dlpack::Device) { return {}; }
  template <class T> static Linalg<T> linalg(Place) { return {}; }
  static void finish(Place, Place) {}
};

} // namespace

void register_solver(py::module_ &module) {
  register_non_finite();
  register_factorisation<HostBackend, double>(module, "FactorisationF64");
  register_factorisation<HostBackend, float>(module, "FactorisationF32");
}

} // namespace anagram
