// The emulated block notices missing barriers: in a functor written for the purpose, and in every
// device functor when any one of its barriers is left out.
#include <map>

#include "check.hpp"
#include "device_case.hpp"
#include "emulated_team.hpp"

namespace {

using device_case::on;

// Reverses an array in scratch memory, with or without the barrier that this needs.
struct Reverse {
  bool with_barrier;
  template <class Team> void operator()(const Team &team, std::vector<int> &data) const {
    const int n = team.size(), mine = data[static_cast<size_t>(team.rank())];
    if (with_barrier)
      team.sync();
    data[static_cast<size_t>(n - 1 - team.rank())] = mine;
  }
};

bool reverses(bool with_barrier, LaneOrder order, unsigned seed) {
  std::vector<int> data(16), expected(16);
  for (int i = 0; i < 16; ++i)
    data[static_cast<size_t>(i)] = expected[static_cast<size_t>(15 - i)] = i;
  EmulatedBlock(16, order, seed).run([&](const auto &team) { Reverse{with_barrier}(team, data); });
  return data == expected;
}

void planted_missing_barrier_is_caught() {
  for (const LaneOrder order : {LaneOrder::ascending, LaneOrder::descending, LaneOrder::shuffled})
    for (unsigned seed = 0; seed < 5; ++seed) {
      CHECK(reverses(true, order, seed));
      CHECK(!reverses(false, order, seed));
    }
}

void unequal_barriers_are_caught() {
  EmulatedBlock block(4, LaneOrder::ascending);
  const int count = block.run([](const auto &team) {
    if (team.rank() != 2)
      team.sync();
  });
  CHECK(count == -1);
}

// Which of the four operations come out right when barrier `forgotten` of every block is left out.
std::vector<bool> survives(const device_case::Case<double> &problem,
                           const device_case::Results<double> &expected, int forgotten,
                           LaneOrder order, unsigned seed) {
  const auto got = problem.by_blocks([&](const auto &functor, int64_t block, double *scratch) {
    EmulatedBlock(8, order, seed, forgotten).run([&](const auto &team) {
      functor(on(team), block, scratch);
    });
  });
  const double bound = 1e-13;
  return {device_case::distance(got.jets, expected.jets) < bound,
          device_case::distance(got.jacobian, expected.jacobian) < bound,
          device_case::distance(got.vjp, expected.vjp) < bound,
          device_case::distance(got.jvp, expected.jvp) < bound};
}

// Barriers of the longest block of each operation: jets, jacobian, vjp, jvp.
std::vector<int> count_barriers(const device_case::Case<double> &problem) {
  using namespace device_case;
  std::vector<int> most(4, 0);
  const auto note = [&](size_t which, int count) { most[which] = std::max(most[which], count); };
  problem.by_blocks([&](const auto &functor, int64_t block, double *scratch) {
    using F = std::decay_t<decltype(functor)>;
    const int count = EmulatedBlock(8, LaneOrder::ascending).run([&](const auto &team) {
      functor(on(team), block, scratch);
    });
    note(std::is_same_v<F, JetsBlock<double>>       ? 0
         : std::is_same_v<F, JacobianBlock<double>> ? 1
         : std::is_same_v<F, VjpBlock<double>>      ? 2
                                                    : 3,
         count);
  });
  return most;
}

// A barrier that could be left out unnoticed would be a gap of this test, or superfluous.
void every_barrier_is_needed() {
  const device_case::Operator value = device_case::derivative({0, 0});
  const device_case::Shape shape{
      {2, 9, 10, 1}, anagram::Activation::tanh, {value, device_case::derivative({0, 2})}, 10, 2, 2};
  const device_case::Case<double> problem(shape, 5);
  const auto expected = problem.expected();
  const std::vector<int> barriers = count_barriers(problem);
  const int most = *std::max_element(barriers.begin(), barriers.end());
  for (const LaneOrder order : {LaneOrder::ascending, LaneOrder::descending})
    for (const bool right : survives(problem, expected, -1, order, 1))
      CHECK(right);
  for (int forgotten = 0; forgotten < most; ++forgotten) {
    std::vector<bool> unnoticed(4, true);
    for (const LaneOrder order :
         {LaneOrder::ascending, LaneOrder::descending, LaneOrder::shuffled}) {
      const std::vector<bool> right = survives(problem, expected, forgotten, order, 1);
      for (size_t which = 0; which < 4; ++which)
        unnoticed[which] = unnoticed[which] && right[which];
    }
    for (size_t which = 0; which < 4; ++which)
      if (forgotten < barriers[which] && unnoticed[which]) {
        std::fprintf(stderr, "operation %zu, barrier %d of %d\n", which, forgotten,
                     barriers[which]);
        CHECK(!"a missing barrier was noticed");
      }
  }
}

} // namespace

int main() {
  planted_missing_barrier_is_caught();
  unequal_barriers_are_caught();
  every_barrier_is_needed();
  return check::exit_status();
}
