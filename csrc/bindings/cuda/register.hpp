// One function a topic; each lives in the file of its name and adds its functions to the module.
#pragma once

#include <pybind11/pybind11.h>

namespace anagram::cuda {

void register_plan(pybind11::module_ &module);   // anagram_ext._cuda.Plan
void register_solver(pybind11::module_ &module); // anagram_ext._cuda.FactorisationF64 and F32

} // namespace anagram::cuda
