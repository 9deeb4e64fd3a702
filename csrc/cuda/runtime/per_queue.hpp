// One object for each device and stream, such as a handle of a library, locked while it is used.
#pragma once

#include <map>
#include <mutex>
#include <utility>

#include "cuda/runtime/device.hpp"

namespace anagram::cuda {

// The objects are made when they are first asked for, and never destroyed: at exit the driver may
// be gone already.
template <class Object> class PerQueue {
public:
  struct Locked {
    const Object &object;
    std::unique_lock<std::mutex> lock;
  };

  // make() -> Object
  template <class Make> static Locked of(const Queue &queue, const Make &make) {
    Entry &entry = entry_of(queue);
    std::unique_lock<std::mutex> lock(entry.in_use);
    if (!entry.is_made) {
      entry.object = make();
      entry.is_made = true;
    }
    return {entry.object, std::move(lock)};
  }

private:
  struct Entry {
    Object object{};
    bool is_made = false;
    std::mutex in_use;
  };

  static Entry &entry_of(const Queue &queue) {
    static std::mutex mutex;
    static auto *entries = new std::map<std::pair<int, cudaStream_t>, Entry>;
    const std::lock_guard<std::mutex> lock(mutex);
    return (*entries)[{queue.device, queue.stream}];
  }
};

} // namespace anagram::cuda
