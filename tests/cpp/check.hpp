// The whole test framework: CHECK macros that count failures, and the exit status of main().
#pragma once

#include <cmath>
#include <cstdio>

namespace check {

inline int &failures() {
  static int count = 0;
  return count;
}

inline void report(bool ok, const char *text, const char *file, int line) {
  if (ok)
    return;
  ++failures();
  std::fprintf(stderr, "%s:%d: failed: %s\n", file, line, text);
}

inline void report_near(double a, double b, double tolerance, const char *text, const char *file,
                        int line) {
  // Written so that NaN on either side fails.
  if (std::abs(a - b) <= tolerance)
    return;
  ++failures();
  std::fprintf(stderr, "%s:%d: failed: %s: %.17g and %.17g differ by %.3g > %.3g\n", file, line,
               text, a, b, std::abs(a - b), tolerance);
}

// Last line of every main().
inline int exit_status() {
  if (failures())
    std::fprintf(stderr, "%d checks failed\n", failures());
  return failures() ? 1 : 0;
}

} // namespace check

#define CHECK(condition) check::report(static_cast<bool>(condition), #condition, __FILE__, __LINE__)
#define CHECK_NEAR(a, b, tolerance)                                                                \
  check::report_near(a, b, tolerance, #a " == " #b, __FILE__, __LINE__)
#define CHECK_THROWS(expression, Exception)                                                        \
  do {                                                                                             \
    bool threw = false;                                                                            \
    try {                                                                                          \
      (void)(expression);                                                                          \
    } catch (const Exception &) {                                                                  \
      threw = true;                                                                                \
    }                                                                                              \
    check::report(threw, #expression " throws " #Exception, __FILE__, __LINE__);                   \
  } while (false)
