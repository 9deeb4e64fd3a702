#include "cpu/solver/factorise.hpp"

namespace anagram {

ANAGRAM_HOST_FACTORISATION(, double)
ANAGRAM_HOST_FACTORISATION(, float)

} // namespace anagram
