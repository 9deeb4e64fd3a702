#include "cpu/workers.hpp"

#include <system_error>
#include <utility>

namespace anagram {

void Job::work(int worker, const std::function<void()> &poll) {
  try {
    while (!failed_) {
      if (poll)
        poll();
      const int64_t i = next_++;
      if (i >= n_tasks_)
        return;
      task_(i, worker);
    }
  } catch (...) {
    fail(std::current_exception());
  }
}

void Job::fail(std::exception_ptr error) {
  const std::lock_guard<std::mutex> lock(error_mutex_);
  if (!error_)
    error_ = std::move(error);
  failed_ = true;
}

std::thread start_thread(std::function<void()> body) { return std::thread(std::move(body)); }

Workers::~Workers() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread &thread : threads_)
    thread.join();
}

void Workers::grow_to(int wanted) {
  if (wanted <= asked_for_)
    return;
  asked_for_ = wanted;
  threads_.reserve(static_cast<std::size_t>(wanted)); // a thread that runs must find its place
  try {
    while (count() < wanted)
      threads_.push_back(start_([this, worker = count() + 1] { loop(worker); }));
  } catch (const std::system_error &) {
  }
}

void Workers::run(Job &job, int n_helpers, const std::function<void()> &poll) {
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

void Workers::loop(int worker) {
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

} // namespace anagram
