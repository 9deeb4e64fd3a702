// Device memory that is given back in the order of its stream.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "cuda/runtime/device.hpp"

namespace anagram::cuda {

// Throws OutOfMemory saying what was needed and what is free.
void *allocate(int64_t bytes, const Queue &queue);
void release(void *memory, const Queue &queue) noexcept;

// Throws OutOfMemory when `bytes` cannot be had now. Waits for the stream: what has been given back
// on it counts as free.
void require_free(int64_t bytes, const Queue &queue);

// Usable by work on the queue's stream until the object goes; neither end waits for the device.
template <class T> class Buffer {
public:
  Buffer() = default;
  Buffer(int64_t size, const Queue &queue)
      : data_(static_cast<T *>(allocate(size * static_cast<int64_t>(sizeof(T)), queue))),
        queue_(queue) {}
  ~Buffer() {
    if (data_)
      release(data_, queue_);
  }
  Buffer(Buffer &&other) noexcept : data_(other.data_), queue_(other.queue_) {
    other.data_ = nullptr;
  }
  Buffer &operator=(Buffer &&other) noexcept {
    std::swap(data_, other.data_);
    std::swap(queue_, other.queue_);
    return *this;
  }

  T *data() const { return data_; }

private:
  T *data_ = nullptr;
  Queue queue_{};
};

// A few numbers to the device. The copy has left `values` when this returns.
template <class T> void write(const T *values, int64_t count, T *to, const Queue &queue);

// `count` numbers, `stride` apart, on the host; waits for the stream, and throws for what was noted
// on it (late_infos.hpp). For a few numbers only.
template <class T>
std::vector<T> read_back(const T *from, int64_t count, const Queue &queue, int64_t stride = 1);

} // namespace anagram::cuda
