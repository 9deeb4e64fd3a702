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

// Every buffer of a tile begins where a pair of numbers may.
void buffers_begin_at_even_places() {
  std::mt19937 random(5);
  std::vector<device_case::Shape> shapes = device_case::shapes();
  for (int i = 0; i < 60; ++i)
    shapes.push_back(device_case::random_shape(random));
  for (const device_case::Shape &shape : shapes) {
    const anagram::NetTables tables(
        anagram::NetShape(shape.widths, shape.activation, shape.operators, shape.mapped));
    for (const anagram::Task task :
         {anagram::Task::jets, anagram::Task::rows, anagram::Task::tangent})
      for (int n = 1; n < 4; ++n) {
        const anagram::TileLayout layout(tables.view(), n, task);
        std::vector<int64_t> places{layout.jet()};
        if (task != anagram::Task::jets)
          places.insert(places.end(), {layout.hbar(), layout.zbar(), layout.tangent()});
        for (int l = 0; l < layout.net.depth; ++l)
          places.insert(places.end(), {layout.h(l), layout.z(l)});
        for (const int64_t place : places)
          CHECK(place % 2 == 0);
      }
  }
}

// Products with and without pairs: of small integers, which are exact. Widths odd and even, rows
// and depths that are no multiples of what a lane takes.
template <anagram::base::Along along, bool accumulate> void products() {
  for (const int rows : {3, 8, 19})
    for (const int columns : {5, 33, 40})
      for (const int depth : {1, 4, 7})
        for (const int gap : {0, 1}) {
          constexpr bool by_depth = along == anagram::base::Along::depth;
          const int stride = (by_depth ? depth : rows) + gap, batches = 2;
          const int64_t a_size = int64_t(stride) * (by_depth ? rows : depth);
          std::vector<double> a(static_cast<size_t>(batches * a_size)),
              b(static_cast<size_t>(batches * depth * columns)),
              c(static_cast<size_t>(batches * rows * columns));
          for (std::vector<double> *each : {&a, &b, &c})
            for (size_t i = 0; i < each->size(); ++i)
              (*each)[i] = static_cast<double>((i * 7 + each->size()) % 13) - 6;
          std::vector<double> expected = c;
          for (int64_t n = 0; n < batches; ++n)
            for (int64_t i = 0; i < rows; ++i)
              for (int64_t j = 0; j < columns; ++j) {
                double sum = 0;
                for (int64_t k = 0; k < depth; ++k)
                  sum += a[static_cast<size_t>(n * a_size +
                                               (by_depth ? i * stride + k : k * stride + i))] *
                         b[static_cast<size_t>((n * depth + k) * columns + j)];
                double &to = expected[static_cast<size_t>((n * rows + i) * columns + j)];
                to = accumulate ? to + sum : sum;
              }
          EmulatedBlock(7, LaneOrder::shuffled, 1).run([&](const auto &team) {
            anagram::base::TeamProduct<double, along, accumulate>{
                batches,
                rows,
                columns,
                depth,
                {a.data(), a_size, by_depth ? stride : 1, by_depth ? 1 : stride},
                {b.data(), int64_t(depth) * columns, columns, 1},
                {c.data(), int64_t(rows) * columns, columns, 1}}(team);
          });
          CHECK(c == expected);
        }
}

int main() {
  for_each_covers_everything();
  buffers_begin_at_even_places();
  products<anagram::base::Along::depth, false>();
  products<anagram::base::Along::depth, true>();
  products<anagram::base::Along::rows, false>();
  products<anagram::base::Along::rows, true>();
  all_shapes<double>(1e-13);
  all_shapes<float>(2e-5);
  random_shapes();
  return check::exit_status();
}
