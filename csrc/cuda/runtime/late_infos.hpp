// What is copied to the host without a wait, and read after the next one: above all what cuSOLVER
// says about calls that can only fail by a mistake of ours.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cuda/runtime/device.hpp"

namespace anagram::cuda {

// Remembers the info that a function leaves at `info` in device memory, which may be given back.
// Whoever waits for the stream next looks at it.
void note_info(const int *info, const char *function, const char *file, int line,
               const Queue &queue);

// Begins a copy of device memory to pinned memory; it has arrived once somebody has waited since.
int64_t copy_late(void *pinned, const void *from, size_t bytes, const Queue &queue); // a ticket
bool has_waited_since(int64_t ticket, const Queue &queue);

// Waits for the stream, then throws CudaError for the first noted info that is not zero.
void wait_for(const Queue &queue);

} // namespace anagram::cuda

#define ANAGRAM_CUSOLVER_LATE_INFO(info, function, queue)                                          \
  ::anagram::cuda::note_info(info, function, __FILE__, __LINE__, queue)
