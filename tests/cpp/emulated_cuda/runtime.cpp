// The functions of the CUDA run-time library that csrc/cuda calls, on the emulated machine.
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "device_memory.hpp"

using namespace emulated_cuda;

namespace {

cudaError_t last_error = cudaSuccess;

cudaError_t result(cudaError_t status, const std::string &why) {
  if (status != cudaSuccess) {
    last_error = status;
    refuse(why);
  }
  return status;
}

// Checks in the order in which they were written; the first that fails is the status.
class Checks {
public:
  explicit Checks(const char *function) : function_(function) {
    if (const int status = take_failure(function))
      require(false, static_cast<cudaError_t>(status), "was told to fail");
  }
  Checks &require(bool holds, cudaError_t otherwise, const std::string &why) {
    if (status_ == cudaSuccess && !holds)
      status_ = result(otherwise, std::string(function_) + ": " + why);
    return *this;
  }
  Checks &value(bool holds, const std::string &why) {
    return require(holds, cudaErrorInvalidValue, why);
  }
  Checks &stream(cudaStream_t stream) {
    return require(is_stream(stream), cudaErrorInvalidResourceHandle, "no stream");
  }
  bool failed() const { return status_ != cudaSuccess; }
  cudaError_t status() const { return status_; }

private:
  const char *function_;
  cudaError_t status_ = cudaSuccess;
};

// Rows of `width` bytes, `pitch` apart.
struct Rows {
  char *data;
  size_t pitch, width, height;
  char *row(size_t i) const { return data + i * pitch; }
  int64_t extent() const {
    return static_cast<int64_t>(height == 0 ? 0 : (height - 1) * pitch + width);
  }
  bool pitch_fits() const { return pitch >= width && pitch <= size_t(2147483647); }
};

void copy_rows(const Rows &to, const Rows &from) {
  for (size_t i = 0; i < from.height; ++i)
    std::memcpy(to.row(i), from.row(i), from.width);
}

cudaError_t copy(const char *function, const Rows &to, const Rows &from, cudaMemcpyKind kind,
                 cudaStream_t stream) {
  const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  Checks checks(function);
  checks.stream(stream)
      .require(from.height <= 1 || (to.pitch_fits() && from.pitch_fits()),
               cudaErrorInvalidPitchValue, "pitch")
      .value(from_device || to_device, "kind")
      .value(from_device ? on_device(from.data, from.extent()) : on_host(from.data), "source")
      .value(to_device ? on_device(to.data, to.extent()) : on_host(to.data), "target");
  if (checks.failed() || from.extent() == 0)
    return checks.status();
  const Access access;
  if (to_device) {
    copy_rows(to, from);
    return cudaSuccess;
  }
  std::vector<char> staged(from.height * from.width);
  copy_rows({staged.data(), from.width, from.width, from.height}, from);
  for (size_t i = 0; i < to.height; ++i)
    std::memset(to.row(i), 0xff, to.width);
  deliver_later(stream, [to, staged = std::move(staged)]() mutable {
    copy_rows(to, {staged.data(), to.width, to.width, to.height});
  });
  return cudaSuccess;
}

char *bytes(const void *memory) { return static_cast<char *>(const_cast<void *>(memory)); }

cudaError_t set(const char *function, const Rows &rows, int value, cudaStream_t stream) {
  Checks checks(function);
  checks.stream(stream)
      .require(rows.height <= 1 || rows.pitch_fits(), cudaErrorInvalidPitchValue, "pitch")
      .value(on_device(rows.data, rows.extent()), "target");
  if (checks.failed())
    return checks.status();
  const Access access;
  for (size_t i = 0; i < rows.height; ++i)
    std::memset(rows.row(i), value, rows.width);
  return cudaSuccess;
}

} // namespace

extern "C" {

cudaError_t cudaGetDevice(int *device) {
  *device = current_device();
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
  Checks checks("cudaSetDevice");
  checks.require(device >= 0 && device < device_count, cudaErrorInvalidDevice, "no such device");
  if (!checks.failed())
    set_current_device(device);
  return checks.status();
}

cudaError_t cudaGetDeviceCount(int *count) {
  *count = device_count;
  return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int *version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp *properties, int) {
  std::strcpy(properties->name, "emulated");
  properties->totalGlobalMem = size_t(80) << 30;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int *value, cudaDeviceAttr attribute, int) {
  switch (attribute) { // those of an H100
  case cudaDevAttrMaxSharedMemoryPerBlockOptin:
    *value = 232448;
    return cudaSuccess;
  case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
    *value = 233472;
    return cudaSuccess;
  case cudaDevAttrReservedSharedMemoryPerBlock:
    *value = 1024;
    return cudaSuccess;
  case cudaDevAttrMultiProcessorCount:
    *value = 132;
    return cudaSuccess;
  default:
    return result(cudaErrorInvalidValue, "cudaDeviceGetAttribute");
  }
}

cudaError_t cudaGetLastError() { return std::exchange(last_error, cudaSuccess); }
const char *cudaGetErrorName(cudaError_t status) {
  return status == cudaErrorMemoryAllocation ? "cudaErrorMemoryAllocation" : "cudaErrorEmulated";
}
const char *cudaGetErrorString(cudaError_t) { return "emulated error"; }

// A pool is the number of its device, plus one.
cudaError_t cudaMemPoolCreate(cudaMemPool_t *pool, const cudaMemPoolProps *properties) {
  *pool = reinterpret_cast<cudaMemPool_t>(static_cast<intptr_t>(properties->location.id) + 1);
  return cudaSuccess;
}

cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t, cudaMemPoolAttr attribute, void *value) {
  if (attribute == cudaMemPoolAttrReleaseThreshold)
    set_kept_bytes(*static_cast<uint64_t *>(value));
  return cudaSuccess;
}

// A pool keeps nothing that is not in use.
cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t, cudaMemPoolAttr, void *value) {
  *static_cast<uint64_t *>(value) = 0;
  return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t *free, size_t *total) {
  *free = static_cast<size_t>(free_bytes());
  *total = static_cast<size_t>(limit_bytes());
  return cudaSuccess;
}

cudaError_t cudaMallocFromPoolAsync(void **memory, size_t size, cudaMemPool_t pool,
                                    cudaStream_t stream) {
  const int device = static_cast<int>(reinterpret_cast<intptr_t>(pool)) - 1;
  Checks checks("cudaMallocFromPoolAsync");
  checks.stream(stream).value(size > 0 && device >= 0, "size or pool");
  checks.value(device_of(stream) == device, "stream of another device than the pool");
  if (!checks.failed()) {
    *memory = allocate(static_cast<int64_t>(size), device);
    checks.require(*memory, cudaErrorMemoryAllocation, "no memory left");
  }
  return checks.status();
}

cudaError_t cudaFreeAsync(void *memory, cudaStream_t stream) {
  Checks checks("cudaFreeAsync");
  checks.stream(stream).value(on_device(memory, 1) || stream, "default stream of another device");
  if (!checks.failed())
    checks.value(release(memory), "not allocated");
  return checks.status();
}

cudaError_t cudaMalloc(void **memory, size_t size) {
  *memory = allocate(static_cast<int64_t>(size), current_device());
  return result(*memory ? cudaSuccess : cudaErrorMemoryAllocation, "cudaMalloc: no memory left");
}

cudaError_t cudaFree(void *memory) {
  deliver(nullptr, true); // it waits for the device
  return result(!memory || release(memory) ? cudaSuccess : cudaErrorInvalidValue, "cudaFree");
}

cudaError_t cudaMemcpy(void *to, const void *from, size_t size, cudaMemcpyKind kind) {
  const Rows target{bytes(to), size, size, 1}, source{bytes(from), size, size, 1};
  if (kind != cudaMemcpyHostToDevice) {
    const cudaError_t status = copy("cudaMemcpy", target, source, kind, nullptr);
    deliver(nullptr, true);
    return status;
  }
  // From memory that is not pinned: returns when the source has been read, not when it has arrived.
  std::vector<char> staged(source.data, source.data + size);
  const cudaError_t status = copy("cudaMemcpy", target, source, kind, nullptr);
  if (status == cudaSuccess) {
    const Access access;
    std::memset(to, 0xff, size);
    deliver_later(nullptr, [target, staged = std::move(staged)]() mutable {
      const Access arrival;
      copy_rows(target, {staged.data(), target.width, target.width, 1});
    });
  }
  return status;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t size, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  return copy("cudaMemcpyAsync", {bytes(to), size, size, 1}, {bytes(from), size, size, 1}, kind,
              stream);
}

cudaError_t cudaMemcpy2DAsync(void *to, size_t to_pitch, const void *from, size_t from_pitch,
                              size_t width, size_t height, cudaMemcpyKind kind,
                              cudaStream_t stream) {
  return copy("cudaMemcpy2DAsync", {bytes(to), to_pitch, width, height},
              {bytes(from), from_pitch, width, height}, kind, stream);
}

cudaError_t cudaMemsetAsync(void *to, int value, size_t size, cudaStream_t stream) {
  return set("cudaMemsetAsync", {bytes(to), size, size, 1}, value, stream);
}

cudaError_t cudaMemset2DAsync(void *to, size_t pitch, int value, size_t width, size_t height,
                              cudaStream_t stream) {
  return set("cudaMemset2DAsync", {bytes(to), pitch, width, height}, value, stream);
}

cudaError_t cudaMallocHost(void **memory, size_t size) {
  *memory = std::malloc(size);
  return result(*memory ? cudaSuccess : cudaErrorMemoryAllocation, "cudaMallocHost");
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus *status) {
  Checks checks("cudaStreamIsCapturing");
  checks.stream(stream);
  *status = is_capturing() ? cudaStreamCaptureStatusActive : cudaStreamCaptureStatusNone;
  return checks.status();
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  count_wait();
  Checks checks("cudaStreamSynchronize");
  checks.stream(stream);
  deliver(stream, !checks.failed());
  return checks.status();
}

} // extern "C"
