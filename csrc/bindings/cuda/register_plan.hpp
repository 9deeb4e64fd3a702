#pragma once

#include <pybind11/pybind11.h>

namespace anagram::cuda {

void register_plan(pybind11::module_ &module); // anagram_ext._cuda.Plan

} // namespace anagram::cuda
