// One step as the kernel of a whole grid.
#pragma once

#include "cuda/kernels.hpp"
#include "cuda/runtime/status.hpp"
#include "cuda/teams.cuh"

namespace anagram::cuda {

template <class Step>
__global__ void __launch_bounds__(block_threads) grid_kernel(const Step step) {
  step(GridTeam{});
}

template <class Step> void launch_grid(const Step &step, const Queue &queue) {
  constexpr int blocks_per_processor = 8; // enough to hide the latency of memory
  const int blocks = blocks_per_processor * limits(queue.device).processors;
  grid_kernel<<<static_cast<unsigned>(blocks), block_threads, 0, queue.stream>>>(step);
  ANAGRAM_CUDA(cudaGetLastError());
}

} // namespace anagram::cuda
