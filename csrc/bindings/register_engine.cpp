#include "register.hpp"

namespace anagram {

void register_engine(pybind11::module_ &) {}

} // namespace anagram
