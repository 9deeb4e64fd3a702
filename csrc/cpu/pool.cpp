#include "cpu/pool.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>

#include "cpu/workers.hpp"

#ifndef _WIN32
#include <pthread.h>
#endif

namespace anagram {
namespace {

std::atomic<int> thread_count{0}; // 0: not chosen yet

// The pool of the process, never destroyed: at exit its threads may already be gone.
struct Shared {
  std::mutex busy; // one parallel_for at a time; a second caller works alone
  Workers workers;
};

std::atomic<Shared *> current{nullptr};

void renew() { current = new Shared; }

Shared &shared() {
  static std::once_flag once;
  std::call_once(once, [] {
    renew();
#ifndef _WIN32
    // A forked child has no workers, and its lock may be held by a thread that it has not either.
    pthread_atfork(nullptr, nullptr, &renew);
#endif
  });
  return *current;
}

} // namespace

int threads_in(const char *setting) {
  if (!setting)
    return 0;
  char *end = nullptr;
  errno = 0;
  const long count = std::strtol(setting, &end, 10);
  while (*end == ' ')
    ++end;
  const bool is_list = *end == ',' || *end == '\0'; // "8,2": two levels, of which the first is ours
  return end != setting && is_list && errno == 0 && count >= 1 && count <= INT_MAX
             ? static_cast<int>(count)
             : 0;
}

int num_threads() {
  static const int by_default = [] {
    const int wanted = threads_in(std::getenv("OMP_NUM_THREADS"));
    return wanted ? wanted : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  }();
  const int chosen = thread_count.load();
  return chosen ? chosen : by_default;
}

void set_num_threads(int n) {
  if (n < 1)
    throw std::invalid_argument("n must be at least 1, got " + std::to_string(n));
  thread_count = n;
}

void parallel_for(int64_t n_tasks, int max_workers, const std::function<void(int64_t, int)> &task,
                  const std::function<void()> &poll) {
  const int64_t useful = std::min<int64_t>({n_tasks, max_workers, num_threads()});
  const int n_helpers = static_cast<int>(std::max<int64_t>(useful, 1)) - 1;
  Job job(n_tasks, task);
  Shared &pool = shared();
  std::unique_lock<std::mutex> mine(pool.busy, std::defer_lock);
  if (n_helpers > 0 && mine.try_lock()) {
    pool.workers.grow_to(n_helpers);
    pool.workers.run(job, n_helpers, poll);
  } else {
    job.work(0, poll);
  }
  job.rethrow_failure();
}

} // namespace anagram
