#include "buffer.hpp"

#include <map>
#include <mutex>

#include "status.hpp"

namespace anagram::cuda {
namespace {

constexpr uint64_t kept_bytes = uint64_t(512) << 20; // stay with the pool between two calls

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
  uint64_t threshold = kept_bytes;
  ANAGRAM_CUDA(cudaMemPoolSetAttribute(made, cudaMemPoolAttrReleaseThreshold, &threshold));
  return pools->emplace(device, made).first->second;
}

std::string mebibytes(double bytes) {
  return std::to_string(static_cast<int64_t>(bytes / (1 << 20)) + 1) + " MiB";
}

[[noreturn]] void throw_out_of_memory(int64_t bytes) {
  size_t free = 0, total = 0;
  (void)cudaMemGetInfo(&free, &total);
  throw OutOfMemory("out of device memory: needed " + mebibytes(static_cast<double>(bytes)) +
                    ", free " + mebibytes(static_cast<double>(free)) + " of " +
                    mebibytes(static_cast<double>(total)) +
                    "; torch.cuda.empty_cache() gives back what torch keeps, and fewer points a "
                    "condition need less");
}

} // namespace

void *allocate(int64_t bytes, const Queue &queue) {
  void *memory = nullptr;
  if (bytes == 0)
    return memory;
  const cudaError_t status = cudaMallocFromPoolAsync(&memory, static_cast<size_t>(bytes),
                                                     pool(queue.device), queue.stream);
  if (status == cudaErrorMemoryAllocation) {
    (void)cudaGetLastError();
    throw_out_of_memory(bytes);
  }
  ANAGRAM_CUDA(status);
  return memory;
}

void release(void *memory, const Queue &queue) noexcept {
  (void)cudaFreeAsync(memory, queue.stream); // a device that is gone has nothing to give back
}

} // namespace anagram::cuda
