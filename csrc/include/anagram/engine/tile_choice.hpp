// How many points a tile gets, and whether it lies in shared memory at all.
#pragma once

#include <algorithm>

#include "anagram/engine/device_net.hpp"

namespace anagram {

struct DeviceLimits {
  int64_t shared_per_block;     // bytes that one block may ask for
  int64_t shared_per_processor; // bytes that the blocks of one multiprocessor share
  int64_t reserved_per_block;   // bytes that the system takes from each block
  int processors;
};

constexpr int fewest_fused_points = 4; // fewer would read every weight for too few products
constexpr int most_fused_points = 32;
constexpr int64_t wide_bytes = int64_t(256) << 20; // scratch memory of a tile in device memory
constexpr int64_t most_wide_points = 1 << 16;

inline int64_t scratch_bytes(const DeviceNet &net, int n, Task task, int64_t element_bytes) {
  return TileLayout(net, n, task).size() * element_bytes;
}

// Points a tile in shared memory, or 0 when too few fit and large products are the better choice.
// Two blocks share a multiprocessor where they can: one computes while the other waits. Few points
// are spread over all multiprocessors.
inline int fused_points(const DeviceNet &net, Task task, int64_t element_bytes, int64_t n,
                        const DeviceLimits &limits) {
  const int64_t each = scratch_bytes(net, 1, task, element_bytes); // proportional to the points
  const int64_t half = limits.shared_per_processor / 2 - limits.reserved_per_block;
  int64_t points = std::min(half, limits.shared_per_block) / each;
  if (points < fewest_fused_points)
    points = limits.shared_per_block / each;
  if (points < fewest_fused_points)
    return 0;
  const int64_t spread = (n + limits.processors - 1) / limits.processors;
  return static_cast<int>(
      std::clamp<int64_t>(std::min<int64_t>(points, spread), 1, most_fused_points));
}

// Points a tile in device memory.
inline int wide_points(const DeviceNet &net, Task task, int64_t element_bytes, int64_t n) {
  const int64_t each = scratch_bytes(net, 1, task, element_bytes);
  return static_cast<int>(std::clamp<int64_t>(std::min(wide_bytes / each, n), 1, most_wide_points));
}

} // namespace anagram
