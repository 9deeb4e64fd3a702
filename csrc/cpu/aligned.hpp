// Host memory that begins on a cache line.
#pragma once

#include <cstdint>
#include <memory>

namespace anagram {

constexpr int64_t cache_line = 64;

inline int64_t round_up(int64_t n, int64_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

template <class T> class AlignedBlock {
public:
  explicit AlignedBlock(int64_t n)
      : memory_(new T[static_cast<size_t>(n + cache_line)]), data_(aligned(memory_.get())) {}
  T *data() { return data_; }

private:
  static T *aligned(T *p) {
    const auto address = reinterpret_cast<uintptr_t>(p);
    const auto up = (address + cache_line - 1) / cache_line * cache_line;
    return p + (up - address) / sizeof(T);
  }
  std::unique_ptr<T[]> memory_;
  T *data_;
};

} // namespace anagram
