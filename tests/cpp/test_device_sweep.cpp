// The device functors, run by a serial team and by an emulated block in several lane orders, give
// what the CPU engine gives.
#include "check.hpp"
#include "device_case.hpp"
#include "emulated_team.hpp"

using device_case::Case;
using device_case::distance;
using device_case::on;
using device_case::Results;

template <class T> void compare(const Results<T> &got, const Results<T> &expected, double bound) {
  CHECK(distance(got.jets, expected.jets) < bound);
  // the gap between rows holds the same poison in both
  CHECK(distance(got.jacobian, expected.jacobian) < bound);
  CHECK(distance(got.vjp, expected.vjp) < bound);
  CHECK(distance(got.jvp, expected.jvp) < bound);
}

template <class T> void all_shapes(double bound) {
  unsigned seed = 1;
  for (const device_case::Shape &shape : device_case::shapes()) {
    const Case<T> problem(shape, seed++);
    const Results<T> expected = problem.expected();
    compare(problem.by_blocks([](const auto &functor, int64_t block, T *scratch) {
      const anagram::SerialTeam team;
      functor(on(team), block, scratch);
    }),
            expected, bound);
    for (const LaneOrder order : {LaneOrder::ascending, LaneOrder::descending, LaneOrder::shuffled})
      for (const int size : {1, 7, 16}) {
        compare(problem.by_blocks([&](const auto &functor, int64_t block, T *scratch) {
          EmulatedBlock lanes(size, order, seed);
          CHECK(lanes.run([&](const auto &team) { functor(on(team), block, scratch); }) >= 0);
        }),
                expected, bound);
      }
  }
}

void random_shapes() {
  std::mt19937 random(3);
  for (unsigned seed = 0; seed < 40; ++seed) {
    const Case<double> problem(device_case::random_shape(random), seed);
    const auto expected = problem.expected();
    const auto got = problem.by_blocks([&](const auto &functor, int64_t block, double *scratch) {
      EmulatedBlock lanes(5, LaneOrder::shuffled, seed);
      CHECK(lanes.run([&](const auto &team) { functor(on(team), block, scratch); }) >= 0);
    });
    compare(got, expected, 1e-13);
  }
}

// Every index once, whatever the number of lanes: also more lanes than work, and none to do.
void for_each_covers_everything() {
  struct Lane {
    int rank_, size_;
    int rank() const { return rank_; }
    int size() const { return size_; }
  };
  for (const auto &shape : {std::vector<int>{3, 4, 5}, {1, 1, 7}, {6, 1, 1}, {2, 0, 3}, {0, 2, 3}})
    for (int size : {1, 2, 3, 7, 19, 64, 100}) {
      std::vector<int> count(static_cast<size_t>(shape[0] * shape[1] * shape[2]), 0);
      for (int rank = 0; rank < size; ++rank)
        anagram::for_each(Lane{rank, size}, shape[0], shape[1], shape[2], [&](int a, int b, int c) {
          ++count.at(static_cast<size_t>((a * shape[1] + b) * shape[2] + c));
        });
      for (int times : count)
        CHECK(times == 1);
    }
}

int main() {
  for_each_covers_everything();
  all_shapes<double>(1e-13);
  all_shapes<float>(2e-5);
  random_shapes();
  return check::exit_status();
}
