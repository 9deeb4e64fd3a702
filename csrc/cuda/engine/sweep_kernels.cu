// Kernels of one step each: the parts of a sweep between two large products.
#include "cuda/grid_launch.cuh"

namespace anagram::cuda {

#define ANAGRAM_INSTANTIATE(T, Step)                                                               \
  template void launch_grid(const device::Step<T> &, const Queue &);
ANAGRAM_SWEEP_STEPS(ANAGRAM_INSTANTIATE, double)
ANAGRAM_SWEEP_STEPS(ANAGRAM_INSTANTIATE, float)

} // namespace anagram::cuda
