// Jacobian rows against central differences of the jets; vjp and jvp against those rows; the same
// bits for any number of threads; inputs given as jets of features; refusals.
#include "check.hpp"

#include "cpu/engine/plan.hpp"
#include "cpu/kernels.hpp"
#include "cpu/pool.hpp"

#include <algorithm>
#include <atomic>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

namespace {

using namespace anagram;

struct Case {
  std::vector<int64_t> widths;
  Activation kind;
  std::vector<Operator> operators;
  bool mapped = false; // the input is random jets of features
};

std::vector<Case> cases() {
  const Operator value2 = {{{0, 0}, 1.0}};
  const Operator laplacian = {{{2, 0}, 1.0}, {{0, 2}, 1.0}};
  const Operator biharmonic = {{{4, 0}, 1.0}, {{2, 2}, 2.0}, {{0, 4}, 1.0}};
  const Operator mixed = {{{1, 1}, 1.0}};
  const Operator third = {{{2, 1}, 1.0}};
  return {{{2, 6, 5, 2}, Activation::tanh, {laplacian, value2, mixed}},
          {{2, 17, 1}, Activation::sin, {biharmonic, third}},
          {{2, 3, 4, 5, 3}, Activation::gelu, {value2, third}},
          {{3, 9, 1},
           Activation::softplus,
           {{{{1, 1, 1}, 1.0}}, {{{1, 0, 0}, 2.0}, {{0, 0, 1}, -1.0}}}},
          {{1, 4, 4, 1}, Activation::silu, {{{{4}, 1.0}}, {{{0}, 1.0}}}},
          {{2, 3}, Activation::tanh, {value2, {{{1, 0}, 1.0}}}},
          {{3, 6, 5, 2}, Activation::tanh, {laplacian, value2, mixed}, true},
          {{17, 9, 1}, Activation::silu, {biharmonic, third}, true},
          {{4, 3}, Activation::tanh, {value2, laplacian}, true}};
}

template <class T> std::vector<T> random_vector(std::mt19937 &random, int64_t n, double scale) {
  std::normal_distribution<double> normal(0.0, scale);
  std::vector<T> v(static_cast<size_t>(n));
  for (T &x : v)
    x = static_cast<T>(normal(random));
  return v;
}

template <class T> struct Setup {
  Plan plan;
  int64_t n, n_residuals = 2;
  std::vector<T> theta, inputs, seeds, w, v;

  Setup(const Case &c, int64_t n_points, unsigned seed)
      : plan(NetShape(c.widths, c.kind, c.operators, c.mapped)), n(n_points) {
    std::mt19937 random(seed);
    theta = random_vector<T>(random, plan.shape().n_parameters(), 0.6);
    inputs = random_vector<T>(random, n * plan.shape().input_size(), 1.0);
    seeds = random_vector<T>(random, n_residuals * jet_size(), 1.0);
    w = random_vector<T>(random, n_rows(), 1.0);
    v = random_vector<T>(random, plan.shape().n_parameters(), 1.0);
  }

  int64_t n_rows() const { return n_residuals * n; }
  int64_t jet_size() const { return plan.shape().n_requested() * plan.shape().n_outputs() * n; }

  std::vector<T> jacobian() const {
    // poisoned: every element must be written
    std::vector<T> j(static_cast<size_t>(n_rows() * plan.shape().n_parameters()), T(NAN));
    plan.jacobian(theta.data(), inputs.data(), n, seeds.data(), n_residuals, j.data(),
                  plan.shape().n_parameters(), {});
    return j;
  }
  std::vector<T> vjp() const {
    std::vector<T> g(static_cast<size_t>(plan.shape().n_parameters()),
                     T(1)); // adds to what is there
    plan.vjp(theta.data(), inputs.data(), n, seeds.data(), n_residuals, w.data(), g.data(), {});
    return g;
  }
  std::vector<T> jvp() const {
    std::vector<T> out(static_cast<size_t>(n_rows()), T(NAN));
    plan.jvp(theta.data(), inputs.data(), n, seeds.data(), n_residuals, v.data(), out.data(), {});
    return out;
  }
  // seeds . jets, [C * n]
  std::vector<double> residual(const std::vector<T> &at) const {
    std::vector<T> u(static_cast<size_t>(jet_size()));
    plan.jets(at.data(), 1, inputs.data(), n, u.data(), {});
    std::vector<double> r(static_cast<size_t>(n_rows()), 0.0);
    for (int64_t c = 0; c < n_residuals; ++c)
      for (int64_t k = 0; k < jet_size(); ++k)
        r[static_cast<size_t>(c * n + k % n)] +=
            double(seeds[static_cast<size_t>(c * jet_size() + k)]) *
            double(u[static_cast<size_t>(k)]);
    return r;
  }
};

void check_against_differences(const Case &c, unsigned seed) {
  const Setup<double> s(c, 5, seed);
  const auto j = s.jacobian();
  const double step = 1e-5;
  for (int64_t p = 0; p < s.plan.shape().n_parameters(); ++p) {
    auto plus = s.theta, minus = s.theta;
    plus[size_t(p)] += step;
    minus[size_t(p)] -= step;
    const auto above = s.residual(plus), below = s.residual(minus);
    for (int64_t i = 0; i < s.n_rows(); ++i) {
      const double difference = (above[size_t(i)] - below[size_t(i)]) / (2 * step);
      // truncation step^2 r'''/6 and round-off eps |r| / step, both below 1e-7 of these sizes
      const double size = 1 + std::abs(difference) + std::abs(above[size_t(i)]);
      CHECK_NEAR(j[size_t(i * s.plan.shape().n_parameters() + p)], difference, 3e-7 * size);
    }
  }
}

template <class T> void check_products(const Case &c, unsigned seed, double tolerance) {
  const Setup<T> s(c, 150, seed); // several tiles, the last one short
  const auto j = s.jacobian();
  const auto g = s.vjp(), out = s.jvp();
  const int64_t n_p = s.plan.shape().n_parameters();
  for (int64_t p = 0; p < n_p; ++p) {
    double sum = 1, size = 1;
    for (int64_t i = 0; i < s.n_rows(); ++i) {
      const double term = double(s.w[size_t(i)]) * double(j[size_t(i * n_p + p)]);
      sum += term;
      size += std::abs(term);
    }
    CHECK_NEAR(double(g[size_t(p)]), sum, tolerance * size);
  }
  for (int64_t i = 0; i < s.n_rows(); ++i) {
    double sum = 0, size = 1;
    for (int64_t p = 0; p < n_p; ++p) {
      const double term = double(s.v[size_t(p)]) * double(j[size_t(i * n_p + p)]);
      sum += term;
      size += std::abs(term);
    }
    CHECK_NEAR(double(out[size_t(i)]), sum, tolerance * size);
  }
}

// The jets that come along with the rows are those of a sweep without a record, to the last bit.
template <class T> void check_jets_of_rows(const Case &c, unsigned seed) {
  const Setup<T> s(c, 150, seed);
  std::vector<T> j(static_cast<size_t>(s.n_rows() * s.plan.shape().n_parameters()));
  std::vector<T> along(static_cast<size_t>(s.jet_size()), T(NAN)), alone = along;
  s.plan.jacobian_and_jets(s.theta.data(), s.inputs.data(), s.n, s.seeds.data(), s.n_residuals,
                           j.data(), s.plan.shape().n_parameters(), along.data(), {});
  s.plan.jets(s.theta.data(), 1, s.inputs.data(), s.n, alone.data(), {});
  CHECK(along == alone);
  CHECK(j == s.jacobian());
}

void check_threads(const Case &c, unsigned seed) {
  const Setup<double> s(c, 3000, seed);
  set_num_threads(1);
  const auto j = s.jacobian(), g = s.vjp(), out = s.jvp();
  for (int threads : {2, 3, 5}) {
    set_num_threads(threads);
    CHECK(s.jacobian() == j);
    CHECK(s.vjp() == g);
    CHECK(s.jvp() == out);
  }
  // two callers at once: one owns the pool, the other works alone
  std::vector<double> other;
  std::thread second([&] { other = s.jacobian(); });
  CHECK(s.jacobian() == j);
  second.join();
  CHECK(other == j);
}

// A J beyond the size of the caches is written past them: the same numbers as in small pieces.
template <class T> void check_large(const std::vector<int64_t> &widths) {
  const Operator laplacian = {{{2, 0}, 1.0}, {{0, 2}, 1.0}};
  const Case c{widths, Activation::tanh, {laplacian, {{{0, 0}, 1.0}}}};
  const Setup<T> s(c,
                   (int64_t(40) << 20) / static_cast<int64_t>(sizeof(T)) / 2 /
                       NetShape(widths, c.kind, c.operators).n_parameters(),
                   7);
  for (const char *isa : {"base", "avx2", "avx512"}) {
    if (!select_isa(isa))
      continue;
    const auto j = s.jacobian();
    const int64_t n_p = s.plan.shape().n_parameters(), piece = s.n / 7 + 1;
    for (int64_t i = 0; i < s.n; i += piece) {
      const int64_t n = std::min(piece, s.n - i);
      std::vector<T> seeds; // of the piece: [C, K, m, n]
      for (int64_t k = 0; k < s.n_residuals * s.jet_size(); k += s.n)
        seeds.insert(seeds.end(), s.seeds.begin() + k + i, s.seeds.begin() + k + i + n);
      std::vector<T> rows(static_cast<size_t>(s.n_residuals * n * n_p));
      s.plan.jacobian(s.theta.data(), s.inputs.data() + i * 2, n, seeds.data(), s.n_residuals,
                      rows.data(), n_p, {});
      for (int64_t r = 0; r < s.n_residuals; ++r)
        CHECK(std::equal(rows.begin() + r * n * n_p, rows.begin() + (r + 1) * n * n_p,
                         j.begin() + (r * s.n + i) * n_p));
    }
  }
  CHECK(select_isa(""));
}

void check_isas(const Case &c, unsigned seed) {
  const Setup<double> s(c, 40, seed);
  CHECK(select_isa("base"));
  const auto base = s.jacobian();
  for (const char *isa : {"avx2", "avx512"})
    if (select_isa(isa)) {
      const auto j = s.jacobian();
      for (size_t i = 0; i < j.size(); ++i) // other order of summation, fused products
        CHECK_NEAR(j[i], base[i], 1e-12 * (10 + std::abs(base[i])));
    }
  CHECK(select_isa(""));
  CHECK(!select_isa("nonsense"));
}

void check_pool() {
  set_num_threads(4);
  std::atomic<int> polls{0};
  CHECK_THROWS(parallel_for(1000, 4,
                            [](int64_t i, int) {
                              if (i == 17)
                                throw std::runtime_error("task");
                            }),
               std::runtime_error);
  CHECK_THROWS(parallel_for(
                   1000, 4, [](int64_t, int) {},
                   [&] {
                     ++polls;
                     throw std::logic_error("poll");
                   }),
               std::logic_error);
  CHECK(polls == 1);
  std::vector<int> seen(5000, 0);
  parallel_for(5000, 4, [&](int64_t i, int) { ++seen[size_t(i)]; });
  for (int count : seen)
    CHECK(count == 1);
  parallel_for(0, 4, [](int64_t, int) { CHECK(false); });
  CHECK_THROWS(set_num_threads(0), std::invalid_argument);
}

void check_refusals() {
  using Ops = std::vector<Operator>;
  const auto make = [](const std::vector<int64_t> &widths, const Ops &ops) {
    return NetShape(widths, Activation::tanh, ops);
  };
  const Operator x = {{{1, 0}, 1.0}};
  CHECK_THROWS(make({2, 1}, {}), std::invalid_argument);
  CHECK_THROWS(make({2}, {x}), std::invalid_argument);
  CHECK_THROWS(make({2, 0, 1}, {x}), std::invalid_argument);
  CHECK_THROWS(make({3, 1}, {x}), std::invalid_argument);
  CHECK_THROWS(make({2, 1}, {x, x}), std::invalid_argument);
  CHECK_THROWS(make({2, 1}, Ops{{{{3, 2}, 1.0}}}), std::invalid_argument);
  CHECK_THROWS(make({2, 1}, Ops{{{{-1, 2}, 1.0}}}), std::invalid_argument);
  CHECK_THROWS(make({2, 1}, Ops{{{{0, 0}, 1.0}, {{2, 0}, 1.0}}}), std::invalid_argument);
  CHECK_THROWS(make({2, 1}, Ops{{{{1, 0}, NAN}}}), std::invalid_argument);
  const auto map = [](const std::vector<int64_t> &widths, const Ops &ops) {
    return NetShape(widths, Activation::tanh, ops, true);
  };
  CHECK_THROWS(map({5, 1}, {}), std::invalid_argument);
  CHECK_THROWS(map({5, 1}, Ops{{}}), std::invalid_argument);
  CHECK_THROWS(map({5, 1}, Ops{{{{}, 1.0}}}), std::invalid_argument);
  CHECK_THROWS(map({5, 1}, Ops{x, {{{1}, 1.0}}}), std::invalid_argument);
  CHECK(map({5, 1}, {x}).input_size() == 10);
  CHECK(make({2, 1}, {x}).input_size() == 2);
  CHECK_THROWS(activation_from_name("relu"), std::invalid_argument);
  CHECK(activation_from_name("gelu") == Activation::gelu);
}

// The jets of the coordinates themselves, given as those of features, change nothing.
template <class T> void check_identity_map(const Case &c, double tolerance) {
  Setup<T> plain(c, 70, 3), mapped(Case{c.widths, c.kind, c.operators, true}, 70, 3);
  const auto &components = mapped.plan.shape().basis().components();
  const size_t d = components.front().front().first.size();
  mapped.theta = plain.theta;
  mapped.seeds = plain.seeds;
  mapped.w = plain.w;
  mapped.v = plain.v;
  std::fill(mapped.inputs.begin(), mapped.inputs.end(), T(0));
  auto input = mapped.inputs.begin();
  for (size_t i = 0; i < size_t(plain.n); ++i)
    for (const Operator &component : components)
      for (size_t x = 0; x < d; ++x, ++input)
        for (const auto &[index, coefficient] : component) {
          MultiIndex slope(d, 0);
          slope[x] = 1;
          if (index == slope)
            *input = static_cast<T>(coefficient);
          if (index == MultiIndex(d, 0))
            *input = plain.inputs[i * d + x];
        }
  const auto near = [&](const std::vector<T> &got, const std::vector<T> &expected) {
    CHECK(got.size() == expected.size());
    for (size_t i = 0; i < expected.size(); ++i)
      CHECK_NEAR(double(got[i]), double(expected[i]),
                 tolerance * (10 + std::abs(double(expected[i]))));
  };
  near(mapped.jacobian(), plain.jacobian());
  near(mapped.vjp(), plain.vjp());
  near(mapped.jvp(), plain.jvp());
}

// The closure: heat needs {1, t, x, xx}; a Laplacian in d dimensions d + 2 components, not 2 d + 1.
void check_closure() {
  const Operator t = {{{1, 0}, 1.0}}, xx = {{{0, 2}, 1.0}};
  CHECK(NetShape({2, 3, 1}, Activation::tanh, {t, xx}).n_components() == 4);
  Operator laplacian;
  for (size_t c = 0; c < 10; ++c) {
    MultiIndex index(10, 0);
    index[c] = 2;
    laplacian.emplace_back(index, 1.0);
  }
  CHECK(NetShape({10, 3, 1}, Activation::tanh, {laplacian}).n_components() == 12);
}

} // namespace

int main() {
  unsigned seed = 0;
  for (const Case &c : cases()) {
    ++seed;
    check_against_differences(c, seed);
    check_products<double>(c, seed, 1e-13);
    check_products<float>(c, seed, 1e-4); // both sides carry float round-off of up to order-4 jets
    check_jets_of_rows<double>(c, seed);
    check_jets_of_rows<float>(c, seed);
    check_threads(c, seed);
    check_isas(c, seed);
    if (!c.mapped) {
      check_identity_map<double>(c, 1e-12);
      check_identity_map<float>(c, 1e-3);
    }
  }
  for (const auto &widths :
       {std::vector<int64_t>{2, 64, 64, 1}, {2, 40, 24, 17, 16, 2}, {2, 5000, 3, 1}}) {
    check_large<double>(widths);
    check_large<float>(widths);
  }
  check_pool();
  check_refusals();
  check_closure();
  return check::exit_status();
}
