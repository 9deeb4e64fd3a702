// Fused kernels: a tile's jets and adjoints stay in the shared memory of one block.
#include "anagram/engine/team_machine.hpp"
#include "cuda/kernels.hpp"
#include "cuda/runtime/once_per_device.hpp"
#include "cuda/runtime/status.hpp"
#include "cuda/teams.cuh"

#include <climits>

namespace anagram::cuda {
namespace {

// Two blocks share a multiprocessor (tile_choice.hpp): so many registers may a thread have. Left to
// itself the compiler may make room for a third, which the shared memory never does, and spill.
constexpr int blocks_together = 2;

template <class T, class Functor> __device__ void run_block(const Functor &functor) {
  extern __shared__ __align__(16) double shared[]; // a tile begins where a pair of numbers may
  const BlockTeam team;
  functor(device::TeamMachine<BlockTeam>{team}, blockIdx.x, reinterpret_cast<T *>(shared));
}

// Reads the tables of the net in device memory.
template <class T, class Functor>
__global__ void __launch_bounds__(block_threads, blocks_together)
    block_kernel(const Functor functor) {
  run_block<T>(functor);
}

// Has them with its arguments, in constant memory.
template <class T, class Functor>
__global__ void __launch_bounds__(block_threads, blocks_together)
    packed_kernel(const Functor functor, const __grid_constant__ PackedTables tables) {
  Functor bound = functor;
  bound.in.net = tables.bound(functor.in.net);
  run_block<T>(bound);
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

template <class Kernel, class... Arguments>
void launch(Kernel *kernel, OncePerDevice &allowed, int64_t n_blocks, size_t bytes,
            const Queue &queue, const Arguments &...arguments) {
  allowed.run(queue.device, [&] { allow_shared_memory(kernel, queue.device); });
  kernel<<<static_cast<unsigned>(n_blocks), block_threads, bytes, queue.stream>>>(arguments...);
  ANAGRAM_CUDA(cudaGetLastError());
}

} // namespace

template <class T, class Functor>
void launch_blocks(const Functor &functor, const PackedTables *tables, int64_t n_blocks,
                   int64_t scratch_elements, const Queue &queue) {
  static_assert(sizeof(Functor) + sizeof(PackedTables) <= 4096, "what a kernel may be given");
  if (n_blocks > INT_MAX)
    throw CudaError("too many tiles for one launch: " + std::to_string(n_blocks));
  const size_t bytes = static_cast<size_t>(scratch_elements) * sizeof(T);
  static OncePerDevice plain, packed; // of each kernel
  if (tables)
    launch(packed_kernel<T, Functor>, packed, n_blocks, bytes, queue, functor, *tables);
  else
    launch(block_kernel<T, Functor>, plain, n_blocks, bytes, queue, functor);
}

#define ANAGRAM_INSTANTIATE(T, Functor)                                                            \
  template void launch_blocks<T>(const device::Functor<T> &, const PackedTables *, int64_t,        \
                                 int64_t, const Queue &);
ANAGRAM_TILE_BLOCKS(ANAGRAM_INSTANTIATE, double)
ANAGRAM_TILE_BLOCKS(ANAGRAM_INSTANTIATE, float)

} // namespace anagram::cuda
