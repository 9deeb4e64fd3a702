// The two texts of the sweep on one core: the CPU engine, and what a CUDA block runs, with a team
// of one lane (docs/adr/036-two-texts-of-the-sweep.md). From the root of the repository, with g++:
//
//     cmake --preset release && cmake --build --preset release --target anagram_cpu
//     g++ -std=c++17 -O3 -march=native -fno-math-errno -fno-trapping-math -ffp-contract=fast \
//       -DANAGRAM_ISA_NAME=team -Icsrc -Icsrc/include benchmarks/two_texts.cpp \
//       build/release/libanagram_cpu.a -lpthread -ldl -o build/two_texts && build/two_texts
//
// Prints a row a network: processor times of the team over those of the engine, each the best of
// seven, the team's at the best of its tile sizes; and the largest difference of the results.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <random>
#include <string>
#include <vector>

#include "anagram/engine/net_tables.hpp"
#include "anagram/engine/team_machine.hpp"
#include "anagram/engine/tile_blocks.hpp"
#include "cpu/engine/plan.hpp"
#include "cpu/pool.hpp"

namespace {

using namespace anagram;
using Vector = std::vector<double>;

constexpr int64_t n = 2048; // points
constexpr int tiles[] = {2, 4, 8, 16, 32, 64};

Vector normal(int64_t size) {
  static std::mt19937 random(1);
  std::normal_distribution<double> distribution(0, 0.5);
  Vector out(static_cast<size_t>(size));
  std::generate(out.begin(), out.end(), [&] { return distribution(random); });
  return out;
}

// Seconds of this thread, which others on a busy machine do not add to.
double now() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

template <class Work> double best_of_seven(const Work &work) {
  double best = INFINITY;
  for (int i = 0; i < 7; ++i) {
    const double start = now();
    work();
    best = std::min(best, now() - start);
  }
  return best;
}

// Every block of a launch, one after the other, with memory for a tile between them.
template <class F> void launch(const F &functor, const NetTables &tables, int tile, Task task) {
  static Vector scratch;
  scratch.resize(static_cast<size_t>(TileLayout(tables.view(), tile, task).size()));
  for (int64_t block = 0; block < functor.in.n_tiles(); ++block)
    functor(team::TeamMachine<SerialTeam>{SerialTeam{}}, block, scratch.data());
}

double difference(const Vector &a, const Vector &b) {
  double worst = 0, scale = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    worst = std::max(worst, std::abs(a[i] - b[i]));
    scale = std::max(scale, std::abs(b[i]));
  }
  return worst / scale;
}

void compare(const std::vector<int64_t> &widths) {
  const NetShape net(widths, Activation::tanh,
                     {{{{0, 0}, 1.0}}, {{{1, 0}, 1.0}}, {{{0, 2}, 1.0}}}); // u, u_x, u_yy
  const NetTables tables(net);
  const int64_t p = net.n_parameters();
  const Vector theta = normal(p), points = normal(2 * n), seeds = normal(3 * n);
  Vector turned(theta.size()), j(static_cast<size_t>(n * p)), j_team(j);
  Vector jets(static_cast<size_t>(3 * n)), jets_team(jets);
  team::Transpose<double>{tables.view(), theta.data(), turned.data()}(SerialTeam{});
  const Plan plan(net);
  const auto poll = [] {};
  const double engine_j = best_of_seven(
      [&] { plan.jacobian(theta.data(), points.data(), n, seeds.data(), 1, j.data(), p, poll); });
  const double engine_jets =
      best_of_seven([&] { plan.jets(theta.data(), 1, points.data(), n, jets.data(), poll); });
  double team_j = INFINITY, team_jets = INFINITY;
  for (const int tile : tiles) {
    const team::SweepInput<double> in{
        tables.view(), {theta.data(), turned.data()}, points.data(), n, seeds.data(), 1, tile};
    team_j = std::min(team_j, best_of_seven([&] {
                        launch(team::JacobianBlock<double>{in, j_team.data(), p}, tables, tile,
                               Task::rows);
                      }));
    team_jets =
        std::min(team_jets, best_of_seven([&] {
                   launch(team::JetsBlock<double>{in, jets_team.data()}, tables, tile, Task::jets);
                 }));
  }
  std::string name;
  for (const int64_t width : widths)
    name += (name.empty() ? "" : "-") + std::to_string(width);
  std::printf("%-18s J %5.1f   jets %5.1f   difference %.0e\n", name.c_str(), team_j / engine_j,
              team_jets / engine_jets,
              std::max(difference(j_team, j), difference(jets_team, jets)));
}

} // namespace

int main() {
  set_num_threads(1);
  compare({2, 32, 1});
  compare({2, 64, 64, 64, 1});
  compare({2, 20, 20, 20, 20, 1});
}
