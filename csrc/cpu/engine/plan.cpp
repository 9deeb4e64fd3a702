#include "cpu/engine/plan.hpp"

#include <algorithm>
#include <memory>
#include <vector>

#include "cpu/engine/workspace.hpp"
#include "cpu/kernels.hpp"
#include "cpu/pool.hpp"

namespace anagram {
namespace {

constexpr int64_t tile_bytes = 160 * 1024; // of buffers a tile: a part of the L2 cache
constexpr int64_t max_tile = 64;
constexpr int64_t cached_bytes = int64_t(1)
                                 << 25; // a J above this is not in a cache when it is read
constexpr int64_t vjp_chunks =
    16; // partial sums; fixed, so that the result never depends on threads
// multiply-adds that pay for waking a worker, which takes a tenth of a millisecond on virtual
// machines
constexpr double thread_work = 1e7;

template <class T> int64_t tile_points(const TileNet<T> &net, Sweep sweep) {
  // per point, with the fixed parts shared out among many
  const int64_t bytes =
      Workspace<T>::size(net, max_tile, sweep) * static_cast<int64_t>(sizeof(T)) / max_tile;
  return std::clamp<int64_t>(tile_bytes / bytes, 1, max_tile);
}

// Workers worth waking for n points of this network.
template <class T> int workers_for(const TileNet<T> &net, int64_t n, double sweeps) {
  double work = 0;
  for (int l = 0; l < net.depth; ++l)
    work += static_cast<double>(net.layers[l].n_out) *
            (static_cast<double>(net.layers[l].n_in * net.slots(l)) + 20.0);
  return 1 + static_cast<int>(std::min(work * sweeps * static_cast<double>(n) / thread_work, 1e6));
}

template <class T> TileNet<T> tile_net(const NetShape &shape, const PackedWeights<T> &weights) {
  TileNet<T> net{};
  net.depth = static_cast<int>(shape.layers().size());
  net.layers = weights.layers();
  net.activation = shape.activation();
  net.inner = shape.basis().inner();
  net.outer = shape.basis().outer();
  net.linear = shape.basis().linear().data();
  net.mapped = shape.mapped();
  net.n_in = shape.n_inputs();
  net.n_out = shape.n_outputs();
  net.n_derivatives = net.inner.order + 2;
  return net;
}

// What reverse_tiles shows for one tile and residual component, after the recorded forward sweep.
template <class T> struct Visitor {
  const Kernels<T> &kernel;
  const TileNet<T> &net;
  Workspace<T> &workspace;
  Seeds<T> seeds;
  int64_t chunk;     // tiles of one chunk run in order on one worker
  int64_t first_row; // of the tile within the [C * n] rows
  int64_t count;     // points
};

// n points cut into tiles, with one workspace a worker, made by the worker when it first needs it.
template <class T> class Tiling {
public:
  Tiling(const TileNet<T> &net, int64_t n, Sweep sweep, double sweeps)
      : net_(net), n_(n), sweep_(sweep), size_(tile_points(net, sweep)),
        workers_(std::min(workers_for(net, n, sweeps), num_threads())),
        workspaces_(static_cast<size_t>(workers_)) {}

  int64_t count() const { return (n_ + size_ - 1) / size_; }
  int64_t begin(int64_t tile) const { return tile * size_; }
  int64_t points(int64_t tile) const { return std::min(size_, n_ - begin(tile)); }
  int workers() const { return workers_; }

  Workspace<T> &workspace(int worker) {
    auto &mine = workspaces_[static_cast<size_t>(worker)];
    if (!mine)
      mine = std::make_unique<Workspace<T>>(net_, size_, sweep_);
    return *mine;
  }

private:
  const TileNet<T> &net_;
  int64_t n_;
  Sweep sweep_;
  int64_t size_;
  int workers_;
  std::vector<std::unique_ptr<Workspace<T>>> workspaces_;
};

} // namespace

template <class T>
void Plan::jets(const T *thetas, int64_t q, const T *inputs, int64_t n, T *out,
                const Poll &poll) const {
  if (q == 0 || n == 0)
    return;
  const Kernels<T> &kernel = kernels<T>();
  std::vector<PackedWeights<T>> packed;
  std::vector<TileNet<T>> nets;
  packed.reserve(static_cast<size_t>(q));
  for (int64_t p = 0; p < q; ++p) {
    packed.emplace_back(shape_.layers(), thetas + p * shape_.n_parameters(), kernel.lanes);
    nets.push_back(tile_net(shape_, packed.back()));
  }
  Tiling<T> tiles(nets[0], n, Sweep::forward, static_cast<double>(q));
  const int64_t block = shape_.n_requested() * shape_.n_outputs() * n; // of out, one theta
  parallel_for(
      q * tiles.count(), tiles.workers(),
      [&](int64_t task, int worker) {
        const int64_t p = task / tiles.count(), tile = task % tiles.count();
        const int64_t i = tiles.begin(tile);
        kernel.jets(nets[static_cast<size_t>(p)], tiles.workspace(worker).buffers(),
                    inputs + i * shape_.input_size(), tiles.points(tile), out + p * block + i, n);
      },
      poll);
}

// Calls visit(Visitor) for every tile and residual component, tiles in at most max_chunks chunks.
// jets [K, m, n] receives the jets on the way, unless it is null.
template <class T, class Visit>
void Plan::reverse_tiles(const T *theta, const T *inputs, int64_t n, const T *seeds,
                         int64_t n_residuals, int64_t max_chunks, T *jets, const Visit &visit,
                         const Poll &poll) const {
  if (n == 0)
    return;
  const Kernels<T> &kernel = kernels<T>();
  const PackedWeights<T> packed(shape_.layers(), theta, kernel.lanes);
  const TileNet<T> net = tile_net(shape_, packed);
  Tiling<T> tiles(net, n, Sweep::reverse, 1.0 + 2.0 * static_cast<double>(n_residuals));
  const int64_t chunks = std::min(max_chunks, tiles.count());
  const int64_t block =
      shape_.n_requested() * shape_.n_outputs() * n; // of seeds, one residual component
  const auto run_tile = [&](int64_t chunk, int64_t tile, Workspace<T> &workspace) {
    const int64_t i = tiles.begin(tile), count = tiles.points(tile);
    kernel.record(net, workspace.buffers(), inputs + i * shape_.input_size(), count,
                  jets ? jets + i : nullptr, n);
    for (int64_t c = 0; c < n_residuals; ++c)
      visit(
          Visitor<T>{kernel, net, workspace, {seeds + c * block + i, n}, chunk, c * n + i, count});
  };
  parallel_for(
      chunks, tiles.workers(),
      [&](int64_t chunk, int worker) {
        const int64_t end = (chunk + 1) * tiles.count() / chunks;
        for (int64_t tile = chunk * tiles.count() / chunks; tile < end; ++tile)
          run_tile(chunk, tile, tiles.workspace(worker));
      },
      poll);
}

template <class T>
void Plan::jacobian_and_jets(const T *theta, const T *inputs, int64_t n, const T *seeds,
                             int64_t n_residuals, T *j, int64_t row_stride, T *jets,
                             const Poll &poll) const {
  const int64_t bytes = n_residuals * n * shape_.n_parameters() * static_cast<int64_t>(sizeof(T));
  const bool streaming = bytes > cached_bytes;
  reverse_tiles(
      theta, inputs, n, seeds, n_residuals, n, jets,
      [&](const Visitor<T> &at) {
        at.kernel.rows(at.net, at.workspace.buffers(), at.seeds, at.count,
                       j + at.first_row * row_stride, row_stride, streaming);
      },
      poll);
}

template <class T>
void Plan::vjp(const T *theta, const T *inputs, int64_t n, const T *seeds, int64_t n_residuals,
               const T *w, T *gradient, const Poll &poll) const {
  const int64_t n_parameters = shape_.n_parameters();
  std::vector<T> partial(static_cast<size_t>(vjp_chunks * n_parameters), T(0));
  reverse_tiles(
      theta, inputs, n, seeds, n_residuals, vjp_chunks, static_cast<T *>(nullptr),
      [&](const Visitor<T> &at) {
        at.kernel.gradient(at.net, at.workspace.buffers(), at.seeds, w + at.first_row, at.count,
                           partial.data() + at.chunk * n_parameters);
      },
      poll);
  for (int64_t chunk = 0; chunk < vjp_chunks; ++chunk)
    for (int64_t p = 0; p < n_parameters; ++p)
      gradient[p] += partial[static_cast<size_t>(chunk * n_parameters + p)];
}

template <class T>
void Plan::jvp(const T *theta, const T *inputs, int64_t n, const T *seeds, int64_t n_residuals,
               const T *v, T *out, const Poll &poll) const {
  const PackedWeights<T> direction(shape_.layers(), v, kernels<T>().lanes);
  reverse_tiles(
      theta, inputs, n, seeds, n_residuals, n, static_cast<T *>(nullptr),
      [&](const Visitor<T> &at) {
        at.kernel.tangent(at.net, at.workspace.buffers(), at.seeds, direction.layers(), at.count,
                          at.workspace.scratch(), out + at.first_row);
      },
      poll);
}

#define ANAGRAM_INSTANTIATE(T)                                                                     \
  template void Plan::jets(const T *, int64_t, const T *, int64_t, T *, const Poll &) const;       \
  template void Plan::jacobian_and_jets(const T *, const T *, int64_t, const T *, int64_t, T *,    \
                                        int64_t, T *, const Poll &) const;                         \
  template void Plan::vjp(const T *, const T *, int64_t, const T *, int64_t, const T *, T *,       \
                          const Poll &) const;                                                     \
  template void Plan::jvp(const T *, const T *, int64_t, const T *, int64_t, const T *, T *,       \
                          const Poll &) const;
ANAGRAM_INSTANTIATE(double)
ANAGRAM_INSTANTIATE(float)
#undef ANAGRAM_INSTANTIATE

} // namespace anagram
