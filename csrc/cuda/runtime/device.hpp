// Devices: which there are, what they can hold, and which one is current.
#pragma once

#include <cuda_runtime_api.h>

#include <string>

#include "anagram/engine/tile_choice.hpp"

namespace anagram::cuda {

// Where work is put: a stream of a device. The stream belongs to the caller (torch).
struct Queue {
  int device;
  cudaStream_t stream;
};

// Makes a device current and restores the caller's afterwards. Throws CudaError in a process that
// was forked after a first guard: CUDA does not work there, and says so in a riddle.
class DeviceGuard {
public:
  explicit DeviceGuard(int device);
  // For work on the queue. Throws CudaError while its stream records a graph: what is done here
  // allocates, and reads results that decide what comes next. And std::invalid_argument for
  // cudaStreamPerThread, one name for as many streams as there are threads.
  explicit DeviceGuard(const Queue &queue);
  ~DeviceGuard();
  DeviceGuard(const DeviceGuard &) = delete;
  DeviceGuard &operator=(const DeviceGuard &) = delete;

private:
  int device_, previous_ = 0;
};

bool is_forked(); // whether this process is such a child

struct DeviceCount {
  int count;
  std::string reason; // why there are none, or empty
};

DeviceCount count_devices(); // never throws
std::string device_name(int device);
int64_t memory_of(int device);          // bytes, whether or not they are free
const DeviceLimits &limits(int device); // asked of the driver once

} // namespace anagram::cuda
