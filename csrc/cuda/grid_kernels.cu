// Kernels of one step each: the parts of a sweep between two large products.
#include "kernels.hpp"
#include "status.hpp"
#include "teams.cuh"

namespace anagram::cuda {
namespace {

constexpr int blocks_per_processor = 8; // enough to hide the latency of memory

template <class Step>
__global__ void __launch_bounds__(block_threads) grid_kernel(const Step step) {
  step(GridTeam{});
}

} // namespace

template <class Step> void launch_grid(const Step &step, const Queue &queue) {
  const int blocks = blocks_per_processor * limits(queue.device).processors;
  grid_kernel<<<static_cast<unsigned>(blocks), block_threads, 0, queue.stream>>>(step);
  ANAGRAM_CUDA(cudaGetLastError());
}

#define ANAGRAM_INSTANTIATE(T, Step)                                                               \
  template void launch_grid(const device::Step<T> &, const Queue &);
#define ANAGRAM_INSTANTIATE_ALL(T)                                                                 \
  ANAGRAM_INSTANTIATE(T, Transpose)                                                                \
  ANAGRAM_INSTANTIATE(T, FillInput)                                                                \
  ANAGRAM_INSTANTIATE(T, Activate)                                                                 \
  ANAGRAM_INSTANTIATE(T, StoreJets)                                                                \
  ANAGRAM_INSTANTIATE(T, FillSeed)                                                                 \
  ANAGRAM_INSTANTIATE(T, ReverseActivation)                                                        \
  ANAGRAM_INSTANTIATE(T, StoreRows)                                                                \
  ANAGRAM_INSTANTIATE(T, AddTangent)                                                               \
  ANAGRAM_INSTANTIATE(T, StoreTangent)                                                             \
  ANAGRAM_INSTANTIATE(T, SumChunks)                                                                \
  ANAGRAM_INSTANTIATE(T, FillOnes)
ANAGRAM_INSTANTIATE_ALL(double)
ANAGRAM_INSTANTIATE_ALL(float)

} // namespace anagram::cuda
