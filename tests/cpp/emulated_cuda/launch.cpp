// The launches of csrc/cuda/kernels.hpp: the functors that kernels wrap, run on the host by lanes
// of which each has its part. From launch to launch their number and order change: no result may
// depend on either.
#include <limits>
#include <vector>

#include "anagram/engine/team_machine.hpp"
#include "cuda/kernels.hpp"
#include "cuda/runtime/status.hpp"
#include "device_memory.hpp"

namespace anagram::cuda {
namespace {

struct Lane {
  int rank_, size_;
  int rank() const { return rank_; }
  int size() const { return size_; }
};

void check_place(const Queue &queue) {
  if (!emulated_cuda::is_stream(queue.stream) ||
      emulated_cuda::device_of(queue.stream) != emulated_cuda::current_device() ||
      queue.device != emulated_cuda::current_device())
    throw CudaError("kernel launched into a stream of another device than the current one");
}

} // namespace

template <class Step> void launch_grid(const Step &step, const Queue &queue) {
  static int launches = 0;
  constexpr int numbers[] = {1, 7, 16};
  const int lanes = numbers[launches % 3], turn = launches++ % 4;
  check_place(queue);
  const emulated_cuda::Access access;
  for (int i = 0; i < lanes; ++i) {
    // ascending, descending, or by strides that visit every lane
    const int lane = turn == 0 ? i : turn == 1 ? lanes - 1 - i : i * (turn == 2 ? 3 : 5) % lanes;
    step(Lane{lane, lanes});
  }
}

template <class T, class Functor>
void launch_blocks(const Functor &functor, const PackedTables *tables, int64_t n_blocks,
                   int64_t scratch_elements, const Queue &queue) {
  check_place(queue);
  if (scratch_elements * static_cast<int64_t>(sizeof(T)) > limits(queue.device).shared_per_block)
    throw CudaError("kernel asks for too much shared memory");
  const emulated_cuda::Access access;
  Functor bound = functor;
  const PackedTables copy = tables ? *tables : PackedTables{}; // by value, as a kernel's argument
  if (tables)
    bound.in.net = copy.bound(functor.in.net);
  std::vector<T> scratch(static_cast<size_t>(scratch_elements));
  for (int64_t block = n_blocks - 1; block >= 0; --block) {
    scratch.assign(scratch.size(), std::numeric_limits<T>::quiet_NaN());
    const SerialTeam team;
    bound(device::TeamMachine<SerialTeam>{team}, block, scratch.data());
  }
}

#define ANAGRAM_BLOCK(T, Functor)                                                                  \
  template void launch_blocks<T>(const device::Functor<T> &, const PackedTables *, int64_t,        \
                                 int64_t, const Queue &);
#define ANAGRAM_STEP(T, Step) template void launch_grid(const device::Step<T> &, const Queue &);
#define ANAGRAM_ALL(T)                                                                             \
  ANAGRAM_TILE_BLOCKS(ANAGRAM_BLOCK, T)                                                            \
  ANAGRAM_SWEEP_STEPS(ANAGRAM_STEP, T)                                                             \
  ANAGRAM_SOLVER_STEPS(ANAGRAM_STEP, T)
ANAGRAM_ALL(double)
ANAGRAM_ALL(float)
template void launch_grid(const device::CombineMagnitudes &, const Queue &);

} // namespace anagram::cuda
