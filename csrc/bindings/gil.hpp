// Leaving Python for native work, and coming back for a moment, such that the interpreter can end
// while other threads are at it.
//
// An interpreter that ends unwinds a daemon thread that asks for the GIL, in the middle of our
// frames, and the libraries that it unloads may be in use. So before it ends, the last of its exit
// handlers waits until no thread is inside of native work; whoever enters or leaves from then on
// stays where it is, until the process is gone.
#pragma once

#include <pybind11/pybind11.h>

#include <optional>

#if defined(__GLIBCXX__)
#include <cxxabi.h>
#endif

namespace anagram {
namespace py = pybind11;

void register_exit_handler(); // once a module, with the GIL

namespace gil {

void enter(); // native work begins; never returns when the interpreter ends
void leave(); // it is over; the same
[[noreturn]] void park();

} // namespace gil

// Thrown to end native work early. Nobody has to catch it: ~WithoutGil does not return.
struct InterpreterEnds {};
void throw_if_interpreter_ends();

// The GIL is released while this lives.
class WithoutGil {
public:
  WithoutGil() : state_(PyEval_SaveThread()) { gil::enter(); }
  ~WithoutGil() {
    gil::leave();
    try {
      PyEval_RestoreThread(state_);
    } catch (...) { // the unwinding of a thread that came too late
      gil::park();
    }
  }
  WithoutGil(const WithoutGil &) = delete;
  WithoutGil &operator=(const WithoutGil &) = delete;

private:
  PyThreadState *state_;
};

// Runs `work` with the GIL in the middle of native work, and passes on what it throws.
template <class Work> void with_gil(const Work &work) {
  struct Break {
    Break() { gil::leave(); }
    ~Break() { gil::enter(); }
  };
  const Break from_native_work;
#if defined(__GLIBCXX__)
  std::optional<py::gil_scoped_acquire> held;
  try {
    held.emplace();
    work();
  } catch (const abi::__forced_unwind &) { // before ~gil_scoped_acquire, which needs the GIL
    gil::park();
  }
#else
  const py::gil_scoped_acquire held;
  work();
#endif
}

} // namespace anagram
