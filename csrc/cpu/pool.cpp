#include "cpu/pool.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#ifndef _WIN32
#include <unistd.h>
#endif

namespace anagram {
namespace {

struct Job {
  int64_t n_tasks;
  const std::function<void(int64_t, int)> *task;
  std::atomic<int64_t> next{0};
  std::atomic<bool> failed{false};
  std::exception_ptr error;
  std::mutex error_mutex;

  void fail(std::exception_ptr e) {
    const std::lock_guard<std::mutex> lock(error_mutex);
    if (!error)
      error = e;
    failed = true;
  }

  void work(int worker, const std::function<void()> &poll) {
    try {
      while (!failed) {
        if (poll)
          poll();
        const int64_t i = next++;
        if (i >= n_tasks)
          return;
        (*task)(i, worker);
      }
    } catch (...) {
      fail(std::current_exception());
    }
  }
};

class Pool {
public:
  explicit Pool(int n_workers) {
    for (int w = 1; w <= n_workers; ++w)
      threads_.emplace_back([this, w] { loop(w); });
  }

  ~Pool() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    for (auto &thread : threads_)
      thread.join();
  }

  // Workers 1 .. n_helpers join the caller, who is worker 0. Those who have not come before all
  // tasks are taken are not waited for.
  void run(Job &job, int n_helpers, const std::function<void()> &poll) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      job_ = &job;
      wanted_ = n_helpers;
      ++generation_;
    }
    wake_.notify_all();
    job.work(0, poll);
    std::unique_lock<std::mutex> lock(mutex_);
    job_ = nullptr;
    done_.wait(lock, [this] { return working_ == 0; });
  }

  int size() const { return static_cast<int>(threads_.size()); }

private:
  void loop(int worker) {
    uint64_t seen = 0;
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      wake_.wait(lock, [&] { return stop_ || generation_ != seen; });
      if (stop_)
        return;
      seen = generation_;
      Job *job = job_;
      if (!job || worker > wanted_)
        continue;
      ++working_;
      lock.unlock();
      job->work(worker, {});
      lock.lock();
      if (--working_ == 0)
        done_.notify_one();
    }
  }

  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  Job *job_ = nullptr;
  int wanted_ = 0, working_ = 0;
  uint64_t generation_ = 0;
  bool stop_ = false;
};

long process_id() {
#ifdef _WIN32
  return 0;
#else
  return static_cast<long>(getpid());
#endif
}

std::atomic<int> thread_count{0}; // 0: not chosen yet

// One pool for the process, never destroyed: at exit its threads may already be gone. A forked
// child has no workers, so it makes a pool of its own.
struct Shared {
  std::mutex busy; // one parallel_for at a time; a second caller works alone
  Pool *pool = nullptr;
  long owner = 0;
};

Shared &shared() {
  static Shared *state = new Shared;
  if (state->owner != 0 && state->owner != process_id())
    state = new Shared;
  return *state;
}

Pool &pool_of(Shared &state, int n_helpers) {
  if (!state.pool || state.pool->size() < n_helpers) {
    delete state.pool;
    state.pool = new Pool(n_helpers);
    state.owner = process_id();
  }
  return *state.pool;
}

} // namespace

int num_threads() {
  const int chosen = thread_count.load();
  return chosen > 0 ? chosen : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

void set_num_threads(int n) {
  if (n < 1)
    throw std::invalid_argument("n must be at least one thread, got " + std::to_string(n));
  thread_count = n;
}

void parallel_for(int64_t n_tasks, int max_workers, const std::function<void(int64_t, int)> &task,
                  const std::function<void()> &poll) {
  const int64_t useful = std::min<int64_t>({n_tasks, max_workers, num_threads()});
  const int n_helpers = static_cast<int>(std::max<int64_t>(useful, 1)) - 1;
  Job job;
  job.n_tasks = n_tasks;
  job.task = &task;
  Shared &state = shared();
  std::unique_lock<std::mutex> mine(state.busy, std::try_to_lock);
  if (n_helpers == 0 || !mine.owns_lock())
    job.work(0, poll);
  else
    pool_of(state, n_helpers).run(job, n_helpers, poll);
  if (job.error)
    std::rethrow_exception(job.error);
}

} // namespace anagram
