#include "cuda/runtime/arriving.hpp"

#include <mutex>
#include <stdexcept>

#include "anagram/solver/magnitude.hpp"
#include "cuda/runtime/late_infos.hpp"
#include "cuda/runtime/status.hpp"

namespace anagram::cuda {
namespace {

constexpr size_t block_bytes = 4096;

// Blocks of pinned memory that are free; never given back, like everything that outlives a call.
struct Blocks {
  std::mutex mutex;
  std::vector<void *> free;
};

Blocks &blocks() {
  static auto *all = new Blocks;
  return *all;
}

void *take_block() {
  const std::lock_guard<std::mutex> lock(blocks().mutex);
  void *block = nullptr;
  if (blocks().free.empty()) {
    ANAGRAM_CUDA(cudaMallocHost(&block, block_bytes));
  } else {
    block = blocks().free.back();
    blocks().free.pop_back();
  }
  return block;
}

void return_block(void *block) {
  const std::lock_guard<std::mutex> lock(blocks().mutex);
  blocks().free.push_back(block);
}

} // namespace

template <class T>
Arriving<T>::Arriving(const T *from, int64_t count, const Queue &queue)
    : queue_(queue), count_(count), pinned_(take_block()) {
  const size_t bytes = static_cast<size_t>(count) * sizeof(T);
  try {
    if (bytes > block_bytes)
      throw std::length_error("too many numbers to arrive in one block");
    ticket_ = copy_late(pinned_, from, bytes, queue);
  } catch (...) {
    return_block(pinned_);
    throw;
  }
}

template <class T> Arriving<T>::~Arriving() {
  try { // nobody may write into a block that serves somebody else
    if (!has_waited_since(ticket_, queue_))
      wait_for(queue_);
    return_block(pinned_);
  } catch (...) { // whoever destroys it unread has a failure of his own to tell; the block is lost
  }
}

template <class T> std::vector<T> Arriving<T>::get() const {
  if (!has_waited_since(ticket_, queue_))
    wait_for(queue_);
  const T *const values = static_cast<const T *>(pinned_);
  return std::vector<T>(values, values + count_);
}

template class Arriving<Magnitude>;

} // namespace anagram::cuda
