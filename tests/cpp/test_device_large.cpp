// Rows of J so far apart that its elements outnumber 2^32, in memory of which only the touched
// pages exist: sides and counters may have 32 bits, places in J must not.
#include "check.hpp"

#include "anagram/engine/net_tables.hpp"
#include "anagram/engine/team_machine.hpp"
#include "anagram/engine/tile_blocks.hpp"
#include "anagram/solver/steps.hpp"

#include <sys/mman.h>

#include <cmath>
#include <random>
#include <vector>

using namespace anagram;

namespace {

constexpr int64_t n = 5, far = (int64_t(1) << 31) + 1; // elements between rows

// [n, far] numbers, zero until they are written.
class Sparse {
public:
  Sparse() {
    void *const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    data_ = memory == MAP_FAILED ? nullptr : static_cast<double *>(memory);
  }
  ~Sparse() { munmap(data_, bytes); }
  Sparse(const Sparse &) = delete;
  Sparse &operator=(const Sparse &) = delete;
  double *data() const { return data_; }

private:
  static constexpr size_t bytes = size_t(n * far) * sizeof(double);
  double *data_;
};

std::vector<double> normal(int64_t size) {
  static std::mt19937 random(1);
  std::vector<double> made(static_cast<size_t>(size));
  for (double &value : made)
    value = std::normal_distribution<double>()(random);
  return made;
}

// J, with so many elements between rows.
void rows_of(const NetTables &tables, const std::vector<double> &theta,
             const std::vector<double> &points, const std::vector<double> &seeds, double *j,
             int64_t row_stride) {
  base::SweepInput<double> in{};
  in.net = tables.view();
  const auto size = static_cast<size_t>(in.net.n_parameters);
  std::vector<double> transposed(size);
  const SerialTeam team;
  base::Transpose<double>{in.net, theta.data(), transposed.data()}(team);
  in.weights = {theta.data(), transposed.data()};
  in.inputs = points.data();
  in.n = n;
  in.seeds = seeds.data();
  in.n_residuals = 1;
  in.tile = 2; // blocks begin far apart, too
  std::vector<double> scratch(static_cast<size_t>(TileLayout(in.net, in.tile, Task::rows).size()));
  for (int64_t block = 0; block < in.n_tiles(); ++block)
    base::JacobianBlock<double>{in, j, row_stride}(base::TeamMachine<SerialTeam>{team}, block,
                                                   scratch.data());
}

void rows_are_where_they_belong(double *sparse) {
  const NetTables tables(NetShape({2, 40, 33, 1}, Activation::tanh, {{{{2, 0}, 1.0}}}));
  const int64_t p = tables.view().n_parameters;
  const std::vector<double> theta = normal(p), points = normal(2 * n), seeds = normal(n);
  std::vector<double> packed(static_cast<size_t>(n * p));
  rows_of(tables, theta, points, seeds, packed.data(), p);
  rows_of(tables, theta, points, seeds, sparse, far);
  CHECK(packed[0] != 0);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t k = 0; k < p; ++k) {
      const double expected = packed[static_cast<size_t>(i * p + k)];
      CHECK_NEAR(sparse[i * far + k], expected, 1e-13 * (1 + std::abs(expected)));
    }
}

// The solver sees J^T [columns, rows] with a stride of that size.
void steps_read_where_they_should(double *sparse) {
  constexpr int64_t m = 7;
  const MatrixView<const double> j{sparse, m, n, far};
  const SerialTeam team;
  double squares = 0;
  for (int64_t i = 0; i < n; ++i)
    for (int64_t k = 0; k < m; ++k) {
      sparse[i * far + k] = std::sin(static_cast<double>(1 + i * m + k));
      squares += sparse[i * far + k] * sparse[i * far + k];
    }
  std::vector<double> turned(n * m), scaled(n * m);
  base::CopyTransposed<double>{j, {turned.data(), n, m, n}}(team);
  base::CopyScaled<double>{j, 2.0, {scaled.data(), m, n, m}}(team);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t k = 0; k < m; ++k) {
      CHECK(turned[static_cast<size_t>(i + k * n)] == sparse[i * far + k]);
      CHECK(scaled[static_cast<size_t>(k + i * m)] == 2 * sparse[i * far + k]);
    }
  Magnitude total, parts[3];
  base::Measure<double>{{j, 3}, parts}(team);
  for (const Magnitude &part : parts)
    total += part;
  CHECK_NEAR(total.sum_of_squares, squares, 1e-12);
  sparse[4 * far + 6] = std::nan("");
  int64_t first[3];
  base::FindNonFinite<double>{{j, 3}, first}(team);
  CHECK(first[0] == -1 && first[1] == 34 && first[2] == -1);
}

// More parameters than one round of the lanes counts: J^T w is added up to the last of them.
void sums_of_chunks_reach_the_end() {
  constexpr int64_t p = (int64_t(3) << 16) + 5;
  const std::vector<double> partial = normal(2 * p);
  std::vector<double> gradient(p, 1.0);
  const SerialTeam team;
  base::SumChunks<double>{2, p, partial.data(), gradient.data()}(team);
  for (size_t i = 0; i < p; ++i)
    CHECK(gradient[i] == 1 + (partial[i] + partial[p + i]));
}

} // namespace

int main() {
  const Sparse memory;
  CHECK(memory.data() != nullptr);
  if (memory.data()) {
    rows_are_where_they_belong(memory.data());
    steps_read_where_they_should(memory.data());
  }
  sums_of_chunks_reach_the_end();
  return check::exit_status();
}
