#include "cuda/runtime/buffer.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>

#include "anagram/solver/magnitude.hpp"
#include "cuda/runtime/late_infos.hpp"
#include "cuda/runtime/status.hpp"

namespace anagram::cuda {
namespace {

// What stays with a pool when the host waits: above that, memory which is free for the moment is
// unmapped at every wait, inside one step too, and mapped again. The buffers of a large streamed
// solve take a few GB of a device of 80.
uint64_t kept_bytes(int device) {
  constexpr uint64_t least = uint64_t(512) << 20, share = 16;
  return std::max(least, static_cast<uint64_t>(memory_of(device)) / share);
}

// A pool of our own for each device: the device's default pool gives its memory back to the driver
// at every synchronisation. Never destroyed: at exit the driver may be gone already.
cudaMemPool_t pool(int device) {
  static std::mutex mutex;
  static auto *pools = new std::map<int, cudaMemPool_t>;
  const std::lock_guard<std::mutex> lock(mutex);
  const auto found = pools->find(device);
  if (found != pools->end())
    return found->second;
  cudaMemPoolProps properties{};
  properties.allocType = cudaMemAllocationTypePinned; // the only kind there is for device memory
  properties.location.type = cudaMemLocationTypeDevice;
  properties.location.id = device;
  cudaMemPool_t made = nullptr;
  ANAGRAM_CUDA(cudaMemPoolCreate(&made, &properties));
  uint64_t threshold = kept_bytes(device);
  ANAGRAM_CUDA(cudaMemPoolSetAttribute(made, cudaMemPoolAttrReleaseThreshold, &threshold));
  return pools->emplace(device, made).first->second;
}

std::string mebibytes(double bytes) {
  return std::to_string(static_cast<int64_t>(bytes / (1 << 20)) + 1) + " MiB";
}

[[noreturn]] void throw_out_of_memory(int64_t bytes) {
  size_t free = 0, total = 0;
  ignored(cudaMemGetInfo(&free, &total));
  throw OutOfMemory(
      "out of device memory: needed " + mebibytes(static_cast<double>(bytes)) + ", free " +
      mebibytes(static_cast<double>(free)) + " of " + mebibytes(static_cast<double>(total)) +
      "; torch.cuda.empty_cache() gives back what torch keeps; fewer points a condition "
      "need less, and a step with memory=\"streamed\" stores no Jacobian");
}

} // namespace

void *allocate(int64_t bytes, const Queue &queue) {
  void *memory = nullptr;
  if (bytes == 0)
    return memory;
  if (bytes < 0) // a workspace of cuSOLVER beyond its 32-bit integers
    throw std::length_error("a buffer of " + std::to_string(bytes) + " bytes cannot be");
  const cudaError_t status = cudaMallocFromPoolAsync(&memory, static_cast<size_t>(bytes),
                                                     pool(queue.device), queue.stream);
  if (status == cudaErrorMemoryAllocation) {
    (void)cudaGetLastError();
    throw_out_of_memory(bytes);
  }
  ANAGRAM_CUDA(status);
  return memory;
}

// The default stream is that of the current device, and an object may go at any time. Failures are
// ignored: a device that is gone has nothing to give back.
void release(void *memory, const Queue &queue) noexcept {
  if (is_forked()) // it is the parent's
    return;
  int current = queue.device;
  ignored(cudaGetDevice(&current));
  if (current != queue.device)
    ignored(cudaSetDevice(queue.device));
  ignored(cudaFreeAsync(memory, queue.stream));
  if (current != queue.device)
    ignored(cudaSetDevice(current));
}

void require_free(int64_t bytes, const Queue &queue) {
  wait_for(queue);
  size_t free = 0, total = 0;
  ANAGRAM_CUDA(cudaMemGetInfo(&free, &total));
  uint64_t kept = 0, used = 0; // by the pool: of that, by buffers
  ANAGRAM_CUDA(
      cudaMemPoolGetAttribute(pool(queue.device), cudaMemPoolAttrReservedMemCurrent, &kept));
  ANAGRAM_CUDA(cudaMemPoolGetAttribute(pool(queue.device), cudaMemPoolAttrUsedMemCurrent, &used));
  if (static_cast<uint64_t>(bytes) > free + (kept - used))
    throw_out_of_memory(bytes);
}

template <class T> void write(const T *values, int64_t count, T *to, const Queue &queue) {
  ANAGRAM_CUDA(cudaMemcpyAsync(to, values, static_cast<size_t>(count) * sizeof(T),
                               cudaMemcpyHostToDevice, queue.stream));
}

template void write(const double *, int64_t, double *, const Queue &);
template void write(const float *, int64_t, float *, const Queue &);

template <class T>
std::vector<T> read_back(const T *from, int64_t count, const Queue &queue, int64_t stride) {
  std::vector<T> values(static_cast<size_t>(count));
  const bool gaps = stride != 1; // then every number is a row of its own
  const size_t row = sizeof(T) * (gaps ? 1 : values.size()), rows = gaps ? values.size() : 1;
  const size_t pitch = gaps ? sizeof(T) * static_cast<size_t>(stride) : row;
  if (count > 0)
    ANAGRAM_CUDA(cudaMemcpy2DAsync(values.data(), row, from, pitch, row, rows,
                                   cudaMemcpyDeviceToHost, queue.stream));
  wait_for(queue);
  return values;
}

template std::vector<double> read_back(const double *, int64_t, const Queue &, int64_t);
template std::vector<float> read_back(const float *, int64_t, const Queue &, int64_t);
template std::vector<int> read_back(const int *, int64_t, const Queue &, int64_t);
template std::vector<int64_t> read_back(const int64_t *, int64_t, const Queue &, int64_t);
template std::vector<Magnitude> read_back(const Magnitude *, int64_t, const Queue &, int64_t);

} // namespace anagram::cuda
