// An emulated CUDA machine, as strict as the real one: two devices whose memory the host cannot
// touch. Compiled with it, csrc/cuda runs on any machine, by the host's BLAS and LAPACK.
//
// Device memory has no access rights except while an emulated runtime call, library call or kernel
// runs: host code that follows a device pointer dies of SIGSEGV. Fresh memory holds NaN. Copies to
// the host arrive when the stream is synchronised and not before, and so do those that cudaMemcpy
// makes from the host; until then the target holds garbage. Wrong sizes, pitches, leading
// dimensions, workspaces, handles, and host pointers in the place of device pointers are refused
// with the status that CUDA has for them.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <functional>
#include <string>

namespace emulated_cuda {

// What a test may ask for.
cudaStream_t make_stream(int device);
void limit_memory(int64_t bytes); // of each device together
int64_t live_allocations();
const std::string &last_refusal(); // why the last refused call was refused
int64_t refusals();
int64_t waits(); // of the host for a stream, ever

// The next call of the function named so returns `status`, or leaves `info` in its devInfo.
void fail_next(const std::string &function, int status);
void leave_info(const std::string &function, int info);

void capture(bool begins); // of a graph, on every stream
uint64_t kept_bytes();     // of a memory pool, whatever is free; 0: no pool was made

// What the emulated functions ask for.
int device_of(cudaStream_t stream); // of the default stream: the current device
int current_device();
bool is_stream(cudaStream_t stream);
void *allocate(int64_t bytes, int device); // null: no memory left
bool release(void *memory);                // false: not the start of an allocation
bool on_device(const void *memory, int64_t bytes);
bool on_host(const void *memory); // not in any device's memory, and not null
int64_t free_bytes();
int64_t limit_bytes();
int take_failure(const std::string &function); // 0: none
int take_info(const std::string &function);
void refuse(const std::string &why);
void set_current_device(int device);

bool is_capturing();
void set_kept_bytes(uint64_t bytes);
void count_wait();

// Copies on their way.
void deliver_later(cudaStream_t stream, std::function<void()> copy);
void deliver(cudaStream_t stream, bool arrive); // or are lost

// Device memory can be used while one of these lives.
class Access {
public:
  Access();
  ~Access();
  Access(const Access &) = delete;
  Access &operator=(const Access &) = delete;
};

constexpr int device_count = 2;

} // namespace emulated_cuda
