#include "gil.hpp"
#include "register.hpp"

PYBIND11_MODULE(_core, module) {
  module.doc() = "Native CPU part of anagram_ext: jets, Jacobians, linear algebra.";
  anagram::register_exit_handler();
  anagram::register_lapack(module);
  anagram::register_solver(module);
  anagram::register_engine(module);
}
