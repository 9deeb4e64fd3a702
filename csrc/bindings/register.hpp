// One function a topic; each lives in the file of its name and adds its functions to the module.
#pragma once

#include <pybind11/pybind11.h>

namespace anagram {

void register_engine(pybind11::module_ &module);
void register_lapack(pybind11::module_ &module);
void register_solver(pybind11::module_ &module);

} // namespace anagram
