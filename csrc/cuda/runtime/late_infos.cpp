#include "cuda/runtime/late_infos.hpp"

#include <utility>
#include <vector>

#include "cuda/runtime/per_queue.hpp"
#include "cuda/runtime/status.hpp"

namespace anagram::cuda {
namespace {

constexpr size_t most = 64; // then a wait comes after all

struct Noted {
  const char *function, *file;
  int line;
};

// Never given back, like everything that is kept a queue. Pinned: a copy to other memory waits.
struct Infos {
  int *values = nullptr; // [most]
  std::vector<Noted> *noted = nullptr;
  int64_t *waits = nullptr; // how often somebody has waited for the stream
};

PerQueue<Infos>::Locked infos_of(const Queue &queue) {
  return PerQueue<Infos>::of(queue, [] {
    Infos made;
    ANAGRAM_CUDA(cudaMallocHost(reinterpret_cast<void **>(&made.values), most * sizeof(int)));
    made.noted = new std::vector<Noted>;
    made.waits = new int64_t(0);
    return made;
  });
}

void wait_and_check(const Infos &infos, const Queue &queue) {
  const std::vector<Noted> noted = std::exchange(*infos.noted, {});
  ANAGRAM_CUDA(cudaStreamSynchronize(queue.stream)); // where it fails nothing has arrived
  ++*infos.waits;
  for (size_t i = 0; i < noted.size(); ++i)
    check_cusolver_info(infos.values[i], noted[i].function, noted[i].file, noted[i].line);
}

} // namespace

void note_info(const int *info, const char *function, const char *file, int line,
               const Queue &queue) {
  const auto locked = infos_of(queue);
  const Infos &infos = locked.object;
  if (infos.noted->size() == most)
    wait_and_check(infos, queue);
  ANAGRAM_CUDA(cudaMemcpyAsync(infos.values + infos.noted->size(), info, sizeof(int),
                               cudaMemcpyDeviceToHost, queue.stream));
  infos.noted->push_back({function, file, line});
}

// Under the lock of the queue: no wait that began before the copy can end after it.
int64_t copy_late(void *pinned, const void *from, size_t bytes, const Queue &queue) {
  const auto locked = infos_of(queue);
  ANAGRAM_CUDA(cudaMemcpyAsync(pinned, from, bytes, cudaMemcpyDeviceToHost, queue.stream));
  return *locked.object.waits;
}

bool has_waited_since(int64_t ticket, const Queue &queue) {
  return *infos_of(queue).object.waits > ticket;
}

void wait_for(const Queue &queue) { wait_and_check(infos_of(queue).object, queue); }

} // namespace anagram::cuda
