#include "cuda/runtime/device.hpp"

#include <atomic>
#include <map>
#include <mutex>
#include <stdexcept>

#ifndef _WIN32
#include <pthread.h>
#endif

#include "cuda/runtime/status.hpp"

namespace anagram::cuda {

namespace {

std::atomic<bool> forked{false};

void watch_forks() {
#ifndef _WIN32
  static std::once_flag once;
  std::call_once(once, [] { pthread_atfork(nullptr, nullptr, [] { forked = true; }); });
#endif
}

} // namespace

bool is_forked() { return forked; }

DeviceGuard::DeviceGuard(int device) : device_(device) {
  watch_forks();
  if (is_forked())
    throw CudaError("CUDA does not work in a process that was forked from one that uses it; start "
                    "it with multiprocessing.get_context('spawn')");
  ANAGRAM_CUDA(cudaGetDevice(&previous_));
  ANAGRAM_CUDA(cudaSetDevice(device));
}

DeviceGuard::DeviceGuard(const Queue &queue) : DeviceGuard(queue.device) {
  if (queue.stream == cudaStreamPerThread) // what is kept for a stream would be shared by threads
    throw std::invalid_argument("stream must be one for all threads, got cudaStreamPerThread");
  cudaStreamCaptureStatus capture = cudaStreamCaptureStatusNone;
  const cudaError_t status = cudaStreamIsCapturing(queue.stream, &capture);
  // The default stream says so of a capture that its use would end.
  const bool of_another = status == cudaErrorStreamCaptureImplicit;
  if (of_another)
    (void)cudaGetLastError();
  else
    ANAGRAM_CUDA(status);
  if (of_another || capture != cudaStreamCaptureStatusNone)
    throw CudaError("a CUDA graph is being captured: a graph cannot hold what anagram_ext does, "
                    "which allocates and reads results on the way; call it outside of "
                    "torch.cuda.graph");
}

DeviceGuard::~DeviceGuard() {
  // Where nothing has changed, nothing is set: it would make a context on a device without one.
  if (previous_ != device_)
    ignored(cudaSetDevice(previous_)); // a device that is gone must not end the process
}

DeviceCount count_devices() {
  int driver = 0, count = 0;
  if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0) {
    (void)cudaGetLastError();
    return {0, "no NVIDIA driver (libcuda.so.1) on this machine"};
  }
  const cudaError_t status = cudaGetDeviceCount(&count);
  (void)cudaGetLastError();
  if (status != cudaSuccess)
    return {0, cudaGetErrorString(status)};
  return {count, count > 0 ? "" : "the NVIDIA driver reports no device"};
}

std::string device_name(int device) {
  cudaDeviceProp properties{};
  ANAGRAM_CUDA(cudaGetDeviceProperties(&properties, device));
  return properties.name;
}

int64_t memory_of(int device) {
  cudaDeviceProp properties{};
  ANAGRAM_CUDA(cudaGetDeviceProperties(&properties, device));
  return static_cast<int64_t>(properties.totalGlobalMem);
}

const DeviceLimits &limits(int device) {
  static std::mutex mutex;
  static std::map<int, DeviceLimits> known;
  const std::lock_guard<std::mutex> lock(mutex);
  const auto found = known.find(device);
  if (found != known.end())
    return found->second;
  const auto attribute = [device](cudaDeviceAttr which) {
    int value = 0;
    ANAGRAM_CUDA(cudaDeviceGetAttribute(&value, which, device));
    return value;
  };
  const DeviceLimits asked{attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin),
                           attribute(cudaDevAttrMaxSharedMemoryPerMultiprocessor),
                           attribute(cudaDevAttrReservedSharedMemoryPerBlock),
                           attribute(cudaDevAttrMultiProcessorCount)};
  return known.emplace(device, asked).first->second;
}

} // namespace anagram::cuda
