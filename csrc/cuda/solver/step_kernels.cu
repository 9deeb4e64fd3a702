// Kernels of the solver: what its linear algebra needs beside cuBLAS and cuSOLVER.
#include "cuda/grid_launch.cuh"

namespace anagram::cuda {

#define ANAGRAM_INSTANTIATE(T, Step)                                                               \
  template void launch_grid(const device::Step<T> &, const Queue &);
ANAGRAM_SOLVER_STEPS(ANAGRAM_INSTANTIATE, double)
ANAGRAM_SOLVER_STEPS(ANAGRAM_INSTANTIATE, float)
template void launch_grid(const device::CombineMagnitudes &, const Queue &);

} // namespace anagram::cuda
