// A blocking thread pool: workers sleep on a condition variable and never spin, so that a busy
// machine loses nothing to them.
#pragma once

#include <cstdint>
#include <functional>

namespace anagram {

// How many threads work, the caller included: what was set last, else OMP_NUM_THREADS as it was at
// the first call, else one a core.
int num_threads();
void set_num_threads(int n); // n >= 1; throws std::invalid_argument otherwise

// The number at the head of a value of OMP_NUM_THREADS ("8", "8,2"); 0 where there is none.
int threads_in(const char *setting);

// Calls task(i, worker) for i in [0, n_tasks), worker in [0, min(max_workers, num_threads())).
// There may be fewer workers: where the system gives no more threads, those that there are do all
// of it. Which worker runs which task is not fixed: a task must write only what belongs to it.
// `poll` runs on the calling thread before each of its tasks; what it throws, or a task throws,
// ends the run and is rethrown here.
void parallel_for(int64_t n_tasks, int max_workers, const std::function<void(int64_t, int)> &task,
                  const std::function<void()> &poll = {});

} // namespace anagram
