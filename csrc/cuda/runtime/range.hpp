// Named stretches of time for NVIDIA's profilers (nsys): what the kernels between belong to.
#pragma once

namespace anagram::cuda {

// While it lives its name stands above whatever the thread does. Without a profiler this is a look
// at one pointer; without the header nvtx3 at build time, nothing.
class Range {
public:
  explicit Range(const char *name); // a literal: "anagram: ..."
  ~Range();
  Range(const Range &) = delete;
  Range &operator=(const Range &) = delete;
};

} // namespace anagram::cuda
