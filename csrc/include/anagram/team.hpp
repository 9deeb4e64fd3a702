// A team of lanes that work on one tile together: the threads of a CUDA block, of a whole CUDA
// grid, or their emulation on the host.
//
// A team has rank() in [0, size()), size() and sync(), a barrier that every lane reaches equally
// often. Code between two barriers must give the same result whatever the order of the lanes.
#pragma once

#include <cstdint>

#include "anagram/macros.hpp"

namespace anagram {

// One lane: the plain loop.
struct SerialTeam {
  ANAGRAM_HD int rank() const { return 0; }
  ANAGRAM_HD int size() const { return 1; }
  ANAGRAM_HD void sync() const {}
};

// Calls f(a, b, c) once for every triple of [0, n0) x [0, n1) x [0, n2), dealt out to the lanes
// like cards: neighbouring lanes get neighbouring c, so that they touch neighbouring memory.
// Divides once before the loop only, because integer division is slow on a GPU.
template <class Team, class F>
ANAGRAM_HD ANAGRAM_INLINE void for_each(const Team &team, int n0, int n1, int n2, F f) {
  const int64_t plane = static_cast<int64_t>(n1) * n2;
  if (plane == 0)
    return;
  const int rank = team.rank(), step = team.size();
  int a = static_cast<int>(rank / plane);
  int b = static_cast<int>(rank - a * plane) / n2;
  int c = static_cast<int>(rank - a * plane) - b * n2;
  const int step_a = static_cast<int>(step / plane);
  const int step_b = static_cast<int>(step - step_a * plane) / n2;
  const int step_c = static_cast<int>(step - step_a * plane) - step_b * n2;
  while (a < n0) {
    f(a, b, c);
    c += step_c;
    b += step_b + (c >= n2);
    c -= c >= n2 ? n2 : 0;
    a += step_a + (b >= n1);
    b -= b >= n1 ? n1 : 0;
  }
}

} // namespace anagram
