#include "cuda/solver/factorise.hpp"

namespace anagram {

ANAGRAM_DEVICE_FACTORISATION(, double)
ANAGRAM_DEVICE_FACTORISATION(, float)

} // namespace anagram
