// Threads that sleep until there is a job, and share its tasks with whoever brought it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace anagram {

// Tasks 0 .. n_tasks - 1, taken one after the other by all who work on it.
class Job {
public:
  Job(int64_t n_tasks, const std::function<void(int64_t, int)> &task)
      : n_tasks_(n_tasks), task_(task) {}

  // Takes tasks until none is left or one has thrown; `poll` runs before each of them.
  void work(int worker, const std::function<void()> &poll);

  void rethrow_failure() const { // when nobody works on it any more
    if (error_)
      std::rethrow_exception(error_);
  }

private:
  void fail(std::exception_ptr error);

  const int64_t n_tasks_;
  const std::function<void(int64_t, int)> &task_;
  std::atomic<int64_t> next_{0};
  std::atomic<bool> failed_{false};
  std::mutex error_mutex_;
  std::exception_ptr error_; // the first
};

// Starts a thread; throws std::system_error where the system gives none.
using StartThread = std::function<std::thread(std::function<void()>)>;
std::thread start_thread(std::function<void()> body);

class Workers {
public:
  explicit Workers(StartThread start = start_thread) : start_(std::move(start)) {}
  ~Workers(); // waits for all of them
  Workers(const Workers &) = delete;
  Workers &operator=(const Workers &) = delete;

  // Starts threads until there are `wanted`, or as many as the system gives: a limit on processes
  // makes a job slower, and is no error. Whom it refused is not asked for again.
  void grow_to(int wanted);

  int count() const { return static_cast<int>(threads_.size()); }

  // Workers 1 .. n_helpers join the caller, who is worker 0. Those who have not come before all
  // tasks are taken are not waited for. One call at a time.
  void run(Job &job, int n_helpers, const std::function<void()> &poll);

private:
  void loop(int worker);

  StartThread start_;
  std::vector<std::thread> threads_;
  int asked_for_ = 0;
  std::mutex mutex_; // of all that follows
  std::condition_variable wake_, done_;
  Job *job_ = nullptr;
  int wanted_ = 0, working_ = 0;
  uint64_t generation_ = 0;
  bool stop_ = false;
};

} // namespace anagram
