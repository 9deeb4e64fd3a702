// Fused kernels: a tile's jets and adjoints stay in the shared memory of one block.
#include "anagram/engine/team_machine.hpp"
#include "cuda/kernels.hpp"
#include "cuda/runtime/once_per_device.hpp"
#include "cuda/runtime/status.hpp"
#include "cuda/teams.cuh"

#include <climits>

namespace anagram::cuda {
namespace {

template <class T, class Functor>
__global__ void __launch_bounds__(block_threads) block_kernel(const Functor functor) {
  extern __shared__ double shared[];
  const BlockTeam team;
  functor(device::TeamMachine<BlockTeam>{team}, blockIdx.x, reinterpret_cast<T *>(shared));
}

// Beyond 48 KiB a kernel must be allowed to ask. Allowed once, as much as the device has: threads
// that launch the same kernel with tiles of other sizes would overwrite each other's limit. And all
// of the cache is to be shared memory, or two blocks of half of it do not fit a multiprocessor.
template <class Kernel> void allow_shared_memory(Kernel *kernel, int device) {
  ANAGRAM_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                    static_cast<int>(limits(device).shared_per_block)));
  ANAGRAM_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributePreferredSharedMemoryCarveout,
                                    cudaSharedmemCarveoutMaxShared));
}

} // namespace

template <class T, class Functor>
void launch_blocks(const Functor &functor, int64_t n_blocks, int64_t scratch_elements,
                   const Queue &queue) {
  if (n_blocks > INT_MAX)
    throw CudaError("too many tiles for one launch: " + std::to_string(n_blocks));
  const size_t bytes = static_cast<size_t>(scratch_elements) * sizeof(T);
  const auto kernel = block_kernel<T, Functor>;
  static OncePerDevice allowed; // one for each kernel
  allowed.run(queue.device, [&] { allow_shared_memory(kernel, queue.device); });
  kernel<<<static_cast<unsigned>(n_blocks), block_threads, bytes, queue.stream>>>(functor);
  ANAGRAM_CUDA(cudaGetLastError());
}

#define ANAGRAM_INSTANTIATE(T, Functor)                                                            \
  template void launch_blocks<T>(const device::Functor<T> &, int64_t, int64_t, const Queue &);
ANAGRAM_TILE_BLOCKS(ANAGRAM_INSTANTIATE, double)
ANAGRAM_TILE_BLOCKS(ANAGRAM_INSTANTIATE, float)

} // namespace anagram::cuda
