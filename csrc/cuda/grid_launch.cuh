// One step as the kernel of a whole grid.
#pragma once

#include "cuda/kernels.hpp"
#include "cuda/runtime/status.hpp"
#include "cuda/teams.cuh"

namespace anagram::cuda {

// Three blocks of a multiprocessor's registers: 80 a thread, at which no step spills
// (tools/ptxas_report.py).
template <class Step>
__global__ void __launch_bounds__(block_threads, 3) grid_kernel(const Step step) {
  step(GridTeam{});
}

template <class Step> void launch_grid(const Step &step, const Queue &queue) {
  constexpr int blocks_per_processor = 8; // enough to hide the latency of memory
  const int blocks = blocks_per_processor * limits(queue.device).processors;
  grid_kernel<<<static_cast<unsigned>(blocks), block_threads, 0, queue.stream>>>(step);
  ANAGRAM_CUDA(cudaGetLastError());
}

} // namespace anagram::cuda
