#include "gil.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#ifndef _WIN32
#include <pthread.h>
#endif

namespace anagram {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

// A training loop in Python enters again soon after it has left; torch, which it calls in between,
// would not survive the unwinding. So those who have just left are expected for a moment.
constexpr Clock::duration just_now = 1s, moment = 500ms;

struct Visitor {
  bool inside = false;
  Clock::time_point left{};
};

// Who does native work. Never destroyed.
struct Gate {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Visitor *> visitors; // a thread that ends or parks is taken out
  bool closed = false;
  std::thread::id closer; // may go on: other exit handlers may compute
};

Gate *gate = new Gate;

// A forked child has none of the other threads, and one of them may have held the lock.
void renew() { gate = new Gate; }

class Registered {
public:
  ~Registered() {
    const std::lock_guard<std::mutex> lock(gate->mutex);
    remove(*gate);
  }
  // With the lock of `current` held.
  Visitor &in(Gate &current) {
    if (known_to_ != &current)
      current.visitors.push_back(&visitor_);
    known_to_ = &current;
    return visitor_;
  }
  void remove(Gate &current) {
    auto &all = current.visitors;
    all.erase(std::remove(all.begin(), all.end(), &visitor_), all.end());
    current.changed.notify_all();
  }

private:
  Visitor visitor_;
  Gate *known_to_ = nullptr;
};

thread_local Registered this_thread;

bool is_closed_to_me(const Gate &current) {
  return current.closed && current.closer != std::this_thread::get_id();
}

void pass(bool inward) {
  std::unique_lock<std::mutex> lock(gate->mutex);
  if (is_closed_to_me(*gate)) {
    this_thread.remove(*gate);
    lock.unlock();
    gil::park();
  }
  Visitor &me = this_thread.in(*gate);
  me.inside = inward;
  me.left = Clock::now();
}

// Whether somebody is inside, or may come at any moment.
bool is_anybody_expected(Clock::time_point closed_at) {
  const auto now = Clock::now();
  return std::any_of(gate->visitors.begin(), gate->visitors.end(), [&](const Visitor *visitor) {
    return visitor->inside || (visitor->left > closed_at - just_now && now < closed_at + moment);
  });
}

void close() {
  const auto closed_at = Clock::now();
  {
    const std::lock_guard<std::mutex> lock(gate->mutex);
    gate->closed = true;
    gate->closer = std::this_thread::get_id();
    this_thread.remove(*gate);
  }
  for (bool waiting = true; waiting;) {
    {
      const py::gil_scoped_release nogil;
      std::unique_lock<std::mutex> lock(gate->mutex);
      waiting = is_anybody_expected(closed_at);
      if (waiting)
        gate->changed.wait_for(lock, 20ms);
    }
    if (PyErr_CheckSignals() != 0) // Ctrl-C: do not wait
      throw py::error_already_set();
  }
}

} // namespace

void register_exit_handler() {
#ifndef _WIN32
  pthread_atfork(nullptr, nullptr, &renew);
#endif
  py::module_::import("atexit").attr("register")(py::cpp_function(&close));
}

void throw_if_interpreter_ends() {
  const std::lock_guard<std::mutex> lock(gate->mutex);
  if (is_closed_to_me(*gate))
    throw InterpreterEnds{};
}

namespace gil {

void enter() { pass(true); }
void leave() { pass(false); }

void park() {
  for (;;)
    std::this_thread::sleep_for(1h);
}

} // namespace gil
} // namespace anagram
