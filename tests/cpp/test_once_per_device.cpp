// Every device once, whatever the threads; a failure does not count.
#include "check.hpp"

#include "cuda/runtime/once_per_device.hpp"

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

namespace {

void threads_meet() {
  anagram::cuda::OncePerDevice once;
  std::atomic<int> begun[2] = {0, 0}, done[2] = {0, 0}, early = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&, device = i % 2] {
      once.run(device, [&] {
        ++begun[device];
        std::this_thread::yield();
        ++done[device];
      });
      early += done[device] == 0; // went on before the first one was ready
    });
  for (std::thread &thread : threads)
    thread.join();
  CHECK(begun[0] == 1 && begun[1] == 1);
  CHECK(early == 0);
}

void failures_are_repeated() {
  anagram::cuda::OncePerDevice once;
  int calls = 0;
  const auto fail = [&] {
    ++calls;
    throw std::runtime_error("no such device");
  };
  CHECK_THROWS(once.run(0, fail), std::runtime_error);
  CHECK_THROWS(once.run(0, fail), std::runtime_error);
  once.run(0, [&] { ++calls; });
  once.run(0, fail);
  CHECK(calls == 3);
}

} // namespace

int main() {
  threads_meet();
  failures_are_repeated();
  return check::exit_status();
}
