// The thread pool: every task once, however many threads the system gives.
#include "check.hpp"
#include "cpu/pool.hpp"
#include "cpu/workers.hpp"

#include <atomic>
#include <cstdint>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>

#ifndef _WIN32
#include <sys/wait.h>
#include <unistd.h>
#endif

using namespace anagram;

namespace {

constexpr int64_t n_tasks = 200;
constexpr int64_t sum_of_tasks = n_tasks * (n_tasks - 1) / 2;

// Gives `left` threads and no more, as a limit on processes does.
StartThread limited(int left) {
  return [left](std::function<void()> body) mutable {
    if (left-- <= 0)
      throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again));
    return start_thread(std::move(body));
  };
}

void check_all_done(Workers &workers, int n_helpers) {
  std::vector<std::atomic<int>> seen(n_tasks);
  const std::function<void(int64_t, int)> task = [&](int64_t i, int worker) {
    CHECK(worker >= 0 && worker <= workers.count());
    ++seen[static_cast<std::size_t>(i)];
  };
  Job job(n_tasks, task);
  workers.run(job, n_helpers, {});
  job.rethrow_failure();
  for (const auto &count : seen)
    CHECK(count == 1);
}

void check_that_fewer_threads_do_it_all() {
  for (const int given : {0, 1, 3}) {
    Workers workers(limited(given));
    for (int round = 0; round < 3; ++round) {
      workers.grow_to(7);
      CHECK(workers.count() == given);
      check_all_done(workers, 7);
    }
  }
}

void check_that_a_refusal_is_final() {
  int asked = 0;
  Workers workers([&](std::function<void()>) -> std::thread {
    ++asked;
    throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again));
  });
  for (int round = 0; round < 5; ++round)
    workers.grow_to(4);
  CHECK(asked == 1);
  workers.grow_to(5);
  CHECK(asked == 2);
}

void check_growth() {
  Workers workers;
  for (const int wanted : {1, 4, 2}) {
    workers.grow_to(wanted);
    check_all_done(workers, wanted);
  }
  CHECK(workers.count() == 4);
}

int64_t sum_in_parallel() {
  std::atomic<int64_t> sum{0};
  parallel_for(n_tasks, 8, [&](int64_t i, int) { sum += i; });
  return sum;
}

// Callers at the same time, failing tasks, another number of threads in between.
void check_many_callers() {
  std::atomic<int> wrong{0};
  const auto call = [&](int caller) {
    for (int k = 0; k < 200; ++k) {
      if (sum_in_parallel() != sum_of_tasks)
        ++wrong;
      try {
        parallel_for(n_tasks, 8, [&](int64_t i, int) {
          if (i == 20)
            throw std::runtime_error("task");
        });
        ++wrong;
      } catch (const std::runtime_error &) {
      }
      if (k % 50 == 0)
        set_num_threads(1 + (k + caller) % 7);
    }
  };
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller)
    callers.emplace_back(call, caller);
  for (std::thread &caller : callers)
    caller.join();
  CHECK(wrong == 0);
}

#ifndef _WIN32
// The child has none of the threads and starts its own, also while they work in the parent.
void check_forked_child() {
  set_num_threads(4);
  std::atomic<bool> stop{false};
  std::thread busy([&] {
    while (!stop)
      CHECK(sum_in_parallel() == sum_of_tasks);
  });
  for (int k = 0; k < 5; ++k) {
    const pid_t child = fork();
    if (child == 0)
      _exit(sum_in_parallel() == sum_of_tasks ? 0 : 9);
    int status = -1;
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  stop = true;
  busy.join();
}
#else
void check_forked_child() {}
#endif

void check_the_setting() {
  CHECK(threads_in(nullptr) == 0);
  CHECK(threads_in("8") == 8);
  CHECK(threads_in(" 3 ") == 3);
  CHECK(threads_in("8,2") == 8);
  for (const char *none : {"", "0", "-2", "many", "4x", "99999999999999999999", ","})
    CHECK(threads_in(none) == 0);
  CHECK(num_threads() >= 1);
}

} // namespace

int main() {
  check_the_setting();
  check_that_fewer_threads_do_it_all();
  check_that_a_refusal_is_final();
  check_growth();
  check_many_callers();
  check_forked_child();
  return check::exit_status();
}
