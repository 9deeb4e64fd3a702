// What has to be done once on each device, by whichever thread comes first.
#pragma once

#include <mutex>
#include <set>

namespace anagram::cuda {

class OncePerDevice {
public:
  // Returns when action() has been done for this device. An action that throws is tried again by
  // the next caller.
  template <class Action> void run(int device, const Action &action) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (done_.count(device) > 0)
      return;
    action();
    done_.insert(device);
  }

private:
  std::mutex mutex_;
  std::set<int> done_;
};

} // namespace anagram::cuda
