#include "cuda/engine/plan.hpp"

#include <algorithm>
#include <climits>
#include <stdexcept>
#include <utility>
#include <vector>

#include "anagram/engine/gemm_machine.hpp"
#include "cuda/blas.hpp"
#include "cuda/kernels.hpp"
#include "cuda/runtime/buffer.hpp"
#include "cuda/runtime/range.hpp"
#include "cuda/runtime/status.hpp"

namespace anagram::cuda {
namespace {

using device::GemmMachine;
using device::SweepInput;

constexpr int64_t vjp_chunks = 256;              // partial sums at most: enough to fill any device
constexpr int64_t vjp_bytes = int64_t(64) << 20; // and never more memory than this for them

// Large products on a stream: the backend of gemm_machine.hpp. The sweep itself runs on the host
// and reads the host's tables; kernels get the device's.
template <class T> class StreamBackend {
public:
  StreamBackend(const DeviceNet &net, const Queue &queue, int most_points)
      : net_(net), queue_(queue), blas_(queue), ones_(most_points, queue) {
    launch_grid(device::FillOnes<T>{most_points, ones_.data()}, queue);
  }
  template <class Step> void run(Step step) const {
    step.net = net_;
    launch_grid(step, queue_);
  }
  void gemm(bool transpose_a, bool transpose_b, int m, int n, int k, const T *a, int lda,
            const T *b, int ldb, bool add, T *c, int ldc) const {
    blas_.gemm(transpose_a, transpose_b, m, n, k, a, lda, b, ldb, add, c, ldc);
  }
  template <class U> const U *ones(int) const { return ones_.data(); }

private:
  DeviceNet net_;
  Queue queue_;
  Blas blas_;
  Buffer<T> ones_;
};

// One operation on one set of points: chooses between shared memory and large products, and runs
// the blocks either way.
template <class T> class Launch {
public:
  Launch(const NetOnDevice &net, Task task, const T *inputs, int64_t n, Queue queue)
      : queue_(queue), task_(task), guard_(queue), host_(net.tables().view()),
        device_(net.view(queue.device)), packed_(net.packed()) {
    tile_ = fused_points(host_, task, sizeof(T), n, limits(queue.device));
    fused_ = tile_ > 0;
    if (!fused_)
      tile_ = wide_points(host_, task, sizeof(T), n);
    // Tables that come by value take the place of all pointers.
    in_.net = !fused_   ? host_
              : packed_ ? net.tables().view(nullptr, nullptr, nullptr, nullptr, nullptr)
                        : device_;
    in_.inputs = inputs;
    in_.n = n;
    in_.tile = tile_;
  }

  bool fused() const { return fused_; }
  const SweepInput<T> &in() const { return in_; }

  void set_theta(const T *thetas, int64_t q) { in_.weights = weights(thetas, q); }
  void set_seeds(const T *seeds, int64_t n_residuals) {
    in_.seeds = seeds;
    in_.n_residuals = static_cast<int>(n_residuals);
  }

  // thetas [q, P], with transposed copies for the fused kernels; valid while this object lives.
  Weights<T> weights(const T *thetas, int64_t q) {
    if (!fused_)
      return {thetas, thetas};
    const int64_t size = device_.n_parameters;
    turned_.emplace_back(q * size, queue_);
    T *turned = turned_.back().data();
    for (int64_t i = 0; i < q; ++i)
      launch_grid(device::Transpose<T>{device_, thetas + i * size, turned + i * size}, queue_);
    return {thetas, turned};
  }

  template <class Functor> void run(const Functor &functor, int64_t n_blocks) const {
    const int64_t scratch = TileLayout(host_, tile_, task_).size();
    if (fused_)
      return launch_blocks<T>(functor, packed_, n_blocks, scratch, queue_);
    const Buffer<T> memory(scratch, queue_);
    const StreamBackend<T> backend(device_, queue_, tile_);
    for (int64_t block = 0; block < n_blocks; ++block)
      functor(GemmMachine<StreamBackend<T>>{backend}, block, memory.data());
  }

private:
  Queue queue_;
  Task task_;
  DeviceGuard guard_; // before everything that calls CUDA
  DeviceNet host_, device_;
  const PackedTables *packed_;
  int tile_ = 0;
  bool fused_ = false;
  SweepInput<T> in_{};
  std::vector<Buffer<T>> turned_;
};

} // namespace

Plan::Plan(NetShape shape) : shape_(std::move(shape)), net_(NetTables(shape_)) {
  if (shape_.n_parameters() > INT_MAX)
    throw std::invalid_argument(
        "widths must make at most 2^31 - 1 parameters for the CUDA engine, got " +
        std::to_string(shape_.n_parameters()));
}

template <class T>
void Plan::jets(const T *thetas, int64_t q, const T *inputs, int64_t n, T *out, Queue queue) const {
  if (n == 0 || q == 0)
    return;
  const Range range("anagram: jets");
  Launch<T> launch(net_, Task::jets, inputs, n, queue);
  launch.set_theta(thetas, q);
  launch.run(device::JetsBlock<T>{launch.in(), out}, q * launch.in().n_tiles());
}

template <class T>
void Plan::jacobian(const T *theta, const T *inputs, int64_t n, const T *seeds, int64_t n_residuals,
                    T *j, int64_t row_stride, Queue queue) const {
  if (n == 0)
    return;
  const Range range("anagram: rows of J");
  Launch<T> launch(net_, Task::rows, inputs, n, queue);
  launch.set_theta(theta, 1);
  launch.set_seeds(seeds, n_residuals);
  launch.run(device::JacobianBlock<T>{launch.in(), j, row_stride}, launch.in().n_tiles());
}

template <class T>
void Plan::vjp(const T *theta, const T *inputs, int64_t n, const T *seeds, int64_t n_residuals,
               const T *w, T *gradient, Queue queue) const {
  if (n == 0)
    return;
  const Range range("anagram: J^T w");
  Launch<T> launch(net_, Task::rows, inputs, n, queue);
  launch.set_theta(theta, 1);
  launch.set_seeds(seeds, n_residuals);
  if (!launch.fused()) // rounds of products add to the result in order
    return launch.run(device::VjpBlock<T>{launch.in(), w, 1, gradient}, 1);
  const int64_t n_parameters = shape_.n_parameters();
  const int64_t bytes = n_parameters * static_cast<int64_t>(sizeof(T));
  const int64_t chunks =
      std::min({launch.in().n_tiles(), vjp_chunks, std::max<int64_t>(1, vjp_bytes / bytes)});
  const Buffer<T> partial(chunks * n_parameters, queue);
  ANAGRAM_CUDA(
      cudaMemsetAsync(partial.data(), 0, static_cast<size_t>(chunks * bytes), queue.stream));
  const int n_chunks = static_cast<int>(chunks);
  launch.run(device::VjpBlock<T>{launch.in(), w, n_chunks, partial.data()}, chunks);
  launch_grid(device::SumChunks<T>{n_chunks, n_parameters, partial.data(), gradient}, queue);
}

template <class T>
void Plan::jvp(const T *theta, const T *inputs, int64_t n, const T *seeds, int64_t n_residuals,
               const T *v, T *out, Queue queue) const {
  if (n == 0)
    return;
  const Range range("anagram: J v");
  Launch<T> launch(net_, Task::tangent, inputs, n, queue);
  launch.set_theta(theta, 1);
  launch.set_seeds(seeds, n_residuals);
  const Weights<T> direction = launch.weights(v, 1);
  launch.run(device::JvpBlock<T>{launch.in(), direction, out}, launch.in().n_tiles());
}

#define ANAGRAM_INSTANTIATE(T)                                                                     \
  template void Plan::jets(const T *, int64_t, const T *, int64_t, T *, Queue) const;              \
  template void Plan::jacobian(const T *, const T *, int64_t, const T *, int64_t, T *, int64_t,    \
                               Queue) const;                                                       \
  template void Plan::vjp(const T *, const T *, int64_t, const T *, int64_t, const T *, T *,       \
                          Queue) const;                                                            \
  template void Plan::jvp(const T *, const T *, int64_t, const T *, int64_t, const T *, T *,       \
                          Queue) const;
ANAGRAM_INSTANTIATE(double)
ANAGRAM_INSTANTIATE(float)
#undef ANAGRAM_INSTANTIATE

} // namespace anagram::cuda
