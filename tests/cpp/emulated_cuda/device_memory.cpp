#include "device_memory.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <deque>
#include <map>
#include <vector>

namespace emulated_cuda {
namespace {

struct Stream {
  int device;
};

// [guard page][.... memory][guard page], the end of the memory next to the guard page
struct Allocation {
  char *pages;         // the first that may be used
  int64_t pages_bytes; // of these
  int64_t bytes;
  int device;
};

struct Machine {
  int current = 0;
  int64_t limit = int64_t(1) << 31, used = 0;
  std::map<char *, Allocation> allocations;
  std::deque<Stream> streams;
  std::map<cudaStream_t, std::vector<std::function<void()>>> copies;
  std::map<std::string, int> failures, infos;
  std::string refusal;
  int64_t refusals = 0, waits = 0;
  bool captures = false;
  uint64_t kept_bytes = 0;
  int accesses = 0;
};

Machine &machine() {
  static Machine instance;
  return instance;
}

void protect(const Allocation &allocation, int rights) {
  if (mprotect(allocation.pages, static_cast<size_t>(allocation.pages_bytes), rights) != 0)
    std::abort();
}

int take(std::map<std::string, int> &from, const std::string &function) {
  const auto found = from.find(function);
  if (found == from.end())
    return 0;
  const int value = found->second;
  from.erase(found);
  return value;
}

} // namespace

cudaStream_t make_stream(int device) {
  return reinterpret_cast<cudaStream_t>(&machine().streams.emplace_back(Stream{device}));
}

bool is_stream(cudaStream_t stream) {
  if (!stream)
    return true;
  for (const Stream &each : machine().streams)
    if (reinterpret_cast<cudaStream_t>(const_cast<Stream *>(&each)) == stream)
      return true;
  return false;
}

int device_of(cudaStream_t stream) {
  return stream ? reinterpret_cast<Stream *>(stream)->device : current_device();
}

int current_device() { return machine().current; }
void set_current_device(int device) { machine().current = device; }

void limit_memory(int64_t bytes) { machine().limit = bytes; }
int64_t limit_bytes() { return machine().limit; }
int64_t free_bytes() { return machine().limit - machine().used; }
int64_t live_allocations() { return static_cast<int64_t>(machine().allocations.size()); }

void *allocate(int64_t bytes, int device) {
  Machine &all = machine();
  if (bytes > free_bytes())
    return nullptr;
  const int64_t page = sysconf(_SC_PAGESIZE), pages = (bytes + page - 1) / page * page;
  void *mapped = mmap(nullptr, static_cast<size_t>(pages + 2 * page), PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED)
    return nullptr;
  char *first = static_cast<char *>(mapped) + page;
  const Allocation made{first, pages, bytes, device};
  char *memory = first + (pages - bytes) / 16 * 16; // aligned for every type
  protect(made, PROT_READ | PROT_WRITE);
  std::memset(first, 0xff, static_cast<size_t>(pages)); // NaN
  protect(made, all.accesses > 0 ? PROT_READ | PROT_WRITE : PROT_NONE);
  all.allocations.emplace(memory, made);
  all.used += bytes;
  return memory;
}

bool release(void *memory) {
  Machine &all = machine();
  const auto found = all.allocations.find(static_cast<char *>(memory));
  if (found == all.allocations.end())
    return false;
  const int64_t page = sysconf(_SC_PAGESIZE);
  munmap(found->second.pages - page, static_cast<size_t>(found->second.pages_bytes + 2 * page));
  all.used -= found->second.bytes;
  all.allocations.erase(found);
  return true;
}

bool on_device(const void *memory, int64_t bytes) {
  const auto &all = machine().allocations;
  const char *first = static_cast<const char *>(memory);
  auto found = all.upper_bound(const_cast<char *>(first));
  if (found == all.begin())
    return false;
  --found;
  return found->second.device == current_device() &&
         first + bytes <= found->first + found->second.bytes;
}

bool on_host(const void *memory) {
  const char *byte = static_cast<const char *>(memory);
  for (const auto &[first, allocation] : machine().allocations)
    if (byte >= first && byte < first + allocation.bytes)
      return false;
  return memory != nullptr;
}

void deliver_later(cudaStream_t stream, std::function<void()> copy) {
  machine().copies[stream].push_back(std::move(copy));
}

void deliver(cudaStream_t stream, bool arrive) {
  if (arrive)
    for (const auto &copy : machine().copies[stream])
      copy();
  machine().copies[stream].clear();
}

void fail_next(const std::string &function, int status) { machine().failures[function] = status; }
void leave_info(const std::string &function, int info) { machine().infos[function] = info; }
int take_failure(const std::string &function) { return take(machine().failures, function); }
int take_info(const std::string &function) { return take(machine().infos, function); }

void refuse(const std::string &why) {
  machine().refusal = why;
  ++machine().refusals;
}
const std::string &last_refusal() { return machine().refusal; }
int64_t refusals() { return machine().refusals; }
int64_t waits() { return machine().waits; }
void capture(bool begins) { machine().captures = begins; }
bool is_capturing() { return machine().captures; }
void set_kept_bytes(uint64_t bytes) { machine().kept_bytes = bytes; }
uint64_t kept_bytes() { return machine().kept_bytes; }
void count_wait() { ++machine().waits; }

Access::Access() {
  if (machine().accesses++ == 0)
    for (const auto &each : machine().allocations)
      protect(each.second, PROT_READ | PROT_WRITE);
}

Access::~Access() {
  if (--machine().accesses == 0)
    for (const auto &each : machine().allocations)
      protect(each.second, PROT_NONE);
}

} // namespace emulated_cuda
