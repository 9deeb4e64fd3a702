// The path for wide nets, with a plain column-major product in the place of cuBLAS, gives what the
// CPU engine gives; and the choice between the two paths.
#include "anagram/engine/gemm_machine.hpp"
#include "anagram/engine/tile_choice.hpp"
#include "check.hpp"
#include "device_case.hpp"

using device_case::Case;
using device_case::distance;

namespace {

struct HostBackend {
  template <class Step> void run(const Step &step) const { step(anagram::SerialTeam{}); }

  template <class T>
  void gemm(bool transpose_a, bool transpose_b, int m, int n, int k, const T *a, int lda,
            const T *b, int ldb, bool add, T *c, int ldc) const {
    CHECK(lda >= (transpose_a ? k : m) && ldb >= (transpose_b ? n : k) && ldc >= m);
    for (int j = 0; j < n; ++j)
      for (int i = 0; i < m; ++i) {
        T sum = 0;
        for (int l = 0; l < k; ++l)
          sum += a[transpose_a ? l + i * lda : i + l * lda] *
                 b[transpose_b ? j + l * ldb : l + j * ldb];
        T &out = c[i + j * ldc];
        out = add ? out + sum : sum;
      }
  }

  template <class T> const T *ones(int n) const {
    static const std::vector<T> vector(100, T(1));
    CHECK(n <= 100);
    return vector.data();
  }
};

void wide_path_agrees() {
  unsigned seed = 1;
  for (const device_case::Shape &shape : device_case::shapes()) {
    const Case<double> problem(shape, seed++);
    const auto expected = problem.expected();
    const HostBackend backend;
    const auto got = problem.by_blocks([&](const auto &functor, int64_t block, double *scratch) {
      functor(anagram::base::GemmMachine<HostBackend>{backend}, block, scratch);
    });
    CHECK(distance(got.jets, expected.jets) < 1e-13);
    CHECK(distance(got.jacobian, expected.jacobian) < 1e-13);
    CHECK(distance(got.vjp, expected.vjp) < 1e-13);
    CHECK(distance(got.jvp, expected.jvp) < 1e-13);
  }
}

void narrow_nets_are_fused() {
  const anagram::DeviceLimits h100{232448, 233472, 1024, 132};
  const std::vector<anagram::Operator> heat{device_case::derivative({0, 0}),
                                            device_case::derivative({1, 0}),
                                            device_case::derivative({0, 2})};
  const auto points = [&](int64_t width, anagram::Task task, int64_t n) {
    const std::vector<int64_t> widths{2, width, width, width, 1};
    const anagram::NetTables tables(anagram::NetShape(widths, anagram::Activation::tanh, heat));
    const int tile = anagram::fused_points(tables.view(), task, 8, n, h100);
    if (tile > 0)
      CHECK(anagram::scratch_bytes(tables.view(), tile, task, 8) <= h100.shared_per_block);
    return tile;
  };
  for (const anagram::Task task :
       {anagram::Task::jets, anagram::Task::rows, anagram::Task::tangent}) {
    CHECK(points(64, task, 65536) >= anagram::fewest_fused_points);
    CHECK(points(128, task, 65536) >= anagram::fewest_fused_points);
    CHECK(points(64, task, 10) == 1); // few points: one a multiprocessor
    CHECK(points(2048, task, 65536) == 0);
  }
}

} // namespace

int main() {
  wide_path_agrees();
  narrow_nets_are_fused();
  return check::exit_status();
}
