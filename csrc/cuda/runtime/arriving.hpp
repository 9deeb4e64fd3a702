// Numbers on their way to the host, which nobody waits for before they are needed.
#pragma once

#include <cstdint>
#include <vector>

#include "cuda/runtime/device.hpp"

namespace anagram::cuda {

template <class T> class Arriving {
public:
  // Begins to copy `count` numbers from device memory, which may be given back. At most 4 KiB.
  Arriving(const T *from, int64_t count, const Queue &queue);
  ~Arriving();
  Arriving(const Arriving &) = delete;
  Arriving &operator=(const Arriving &) = delete;

  // Waits for the stream, unless somebody has done so since the copy began.
  std::vector<T> get() const;

private:
  Queue queue_;
  int64_t count_;
  void *pinned_; // a copy to other memory would wait at once
  int64_t ticket_ = 0;
};

} // namespace anagram::cuda
