// Jets against univariate Taylor arithmetic: along a line x + t v the network is a function of t,
// and its Taylor coefficients follow from the recurrences of the activations' differential
// equations - another algorithm than the Faa di Bruno tables. Every instruction set of this CPU is
// tested.
#include "check.hpp"

#include "cpu/engine/plan.hpp"
#include "cpu/kernels.hpp"

#include <random>
#include <vector>

namespace {

using namespace anagram;
using Real = long double;
constexpr int n_taylor = max_order + 1;
using Taylor = std::vector<Real>; // coefficients of t^0 .. t^4

Taylor multiply(const Taylor &a, const Taylor &b) {
  Taylor c(n_taylor, 0);
  for (int i = 0; i < n_taylor; ++i)
    for (int j = 0; i + j < n_taylor; ++j)
      c[size_t(i + j)] += a[size_t(i)] * b[size_t(j)];
  return c;
}

// y with y' = rhs(y, ...) z', solved coefficient by coefficient.
template <class Rhs> Taylor solve(Real start, const Taylor &z, Rhs rhs) {
  Taylor y(n_taylor, 0);
  y[0] = start;
  for (int k = 1; k < n_taylor; ++k) {
    const Taylor f = rhs(y);
    Real sum = 0;
    for (int j = 1; j <= k; ++j)
      sum += Real(j) * z[size_t(j)] * f[size_t(k - j)];
    y[size_t(k)] = sum / Real(k);
  }
  return y;
}

Taylor shifted(Taylor a, Real scale, Real constant) {
  for (Real &x : a)
    x *= scale;
  a[0] += constant;
  return a;
}

Taylor sigmoid(const Taylor &z) {
  return solve(1 / (1 + std::exp(-z[0])), z,
               [](const Taylor &y) { return multiply(y, shifted(y, -1, 1)); });
}

Taylor activate(Activation kind, const Taylor &z) {
  switch (kind) {
  case Activation::tanh:
    return solve(std::tanh(z[0]), z,
                 [](const Taylor &y) { return shifted(multiply(y, y), -1, 1); });
  case Activation::sin: { // coupled with the cosine: sum the series of exp(i z) instead
    Taylor sine(n_taylor, 0), cosine(n_taylor, 0);
    sine[0] = std::sin(z[0]);
    cosine[0] = std::cos(z[0]);
    for (int k = 1; k < n_taylor; ++k)
      for (int j = 1; j <= k; ++j) {
        sine[size_t(k)] += Real(j) * z[size_t(j)] * cosine[size_t(k - j)] / Real(k);
        cosine[size_t(k)] -= Real(j) * z[size_t(j)] * sine[size_t(k - j)] / Real(k);
      }
    return sine;
  }
  case Activation::softplus:
    return solve(std::log1p(std::exp(-std::abs(z[0]))) + std::max(z[0], Real(0)), z,
                 [&](const Taylor &) { return sigmoid(z); });
  case Activation::silu:
    return multiply(z, sigmoid(z));
  case Activation::gelu: {
    const Real density = std::exp(-z[0] * z[0] / 2) / std::sqrt(2 * std::acos(Real(-1)));
    const Taylor phi =
        solve(density, z, [&](const Taylor &y) { return multiply(shifted(z, -1, 0), y); });
    return multiply(z, solve(std::erfc(-z[0] / std::sqrt(Real(2))) / 2, z,
                             [&](const Taylor &) { return phi; }));
  }
  case Activation::identity:
    break;
  }
  return z;
}

// Taylor coefficients in t of output o of the network at x + t v.
std::vector<Taylor> network(const std::vector<int64_t> &widths, Activation kind,
                            const std::vector<double> &theta, const double *x,
                            const std::vector<double> &v) {
  std::vector<Taylor> h;
  for (size_t c = 0; c < v.size(); ++c)
    h.push_back({Real(x[c]), Real(v[c]), 0, 0, 0});
  size_t at = 0;
  for (size_t l = 0; l + 1 < widths.size(); ++l) {
    const size_t n_in = size_t(widths[l]), n_out = size_t(widths[l + 1]);
    std::vector<Taylor> z(n_out, Taylor(n_taylor, 0));
    for (size_t o = 0; o < n_out; ++o) {
      for (size_t i = 0; i < n_in; ++i)
        for (size_t k = 0; k < n_taylor; ++k)
          z[o][k] += Real(theta[at + o * n_in + i]) * h[i][k];
      z[o][0] += Real(theta[at + n_out * n_in + o]);
      if (l + 2 < widths.size())
        z[o] = activate(kind, z[o]);
    }
    at += n_out * (n_in + 1);
    h = z;
  }
  return h;
}

std::vector<double> random_vector(std::mt19937 &random, int64_t n, double scale) {
  std::normal_distribution<double> normal(0.0, scale);
  std::vector<double> v(static_cast<size_t>(n));
  for (double &x : v)
    x = normal(random);
  return v;
}

// (v . grad)^order as an operator of multi-indices with multinomial coefficients.
void powers(const std::vector<double> &v, MultiIndex index, size_t c, int left, double coefficient,
            Operator &op) {
  if (c + 1 == v.size()) {
    index[c] = left;
    for (int k = 1; k <= left; ++k)
      coefficient *= v[c] / k;
    op.emplace_back(index, coefficient);
    return;
  }
  double power = 1;
  for (int k = 0; k <= left; ++k) {
    index[c] = k;
    powers(v, index, c + 1, left - k, coefficient * power, op);
    power *= v[c] / (k + 1);
  }
}

// Taylor coefficient of t^order as one collapsed operator and as separate derivatives.
void check_network(const std::vector<int64_t> &widths, Activation kind, unsigned seed) {
  std::mt19937 random(seed);
  const int64_t d = widths.front(), m = widths.back(), n = 9;
  const std::vector<double> v = random_vector(random, d, 1.0);
  const std::vector<double> points = random_vector(random, n * d, 1.0);
  std::vector<Operator> collapsed, separate;
  for (int order = 0; order <= max_order; ++order) {
    Operator op;
    powers(v, MultiIndex(size_t(d), 0), 0, order, 1.0, op);
    if (order == 0)
      op.front().second = 1.0;
    collapsed.push_back(op);
    for (const auto &[index, coefficient] : op)
      separate.push_back({{index, 1.0}});
  }
  const Plan one(NetShape(widths, kind, collapsed)), many(NetShape(widths, kind, separate));
  const std::vector<double> theta = random_vector(random, one.shape().n_parameters(), 0.7);
  std::vector<double> u(collapsed.size() * size_t(m * n)), w(separate.size() * size_t(m * n));
  one.jets(theta.data(), 1, points.data(), n, u.data(), {});
  many.jets(theta.data(), 1, points.data(), n, w.data(), {});
  for (int64_t i = 0; i < n; ++i) {
    const auto expected = network(widths, kind, theta, points.data() + i * d, v);
    for (int64_t o = 0; o < m; ++o) {
      size_t k = 0;
      for (size_t order = 0; order < collapsed.size(); ++order) {
        double sum = 0, size = 1;
        for (const auto &[index, coefficient] : collapsed[order]) {
          const double term =
              coefficient * w[(k++ * size_t(m) + size_t(o)) * size_t(n) + size_t(i)];
          sum += term;
          size += std::abs(term);
        }
        const double reference = double(expected[size_t(o)][order]);
        // round-off of the terms that cancel in the directional derivative
        CHECK_NEAR(sum, reference, 2e-13 * size);
        CHECK_NEAR(u[(order * size_t(m) + size_t(o)) * size_t(n) + size_t(i)], reference,
                   2e-13 * size);
      }
    }
  }
}

void check_activation_range() {
  // One neuron with weight 1: the jet is s, s', .., s''''. Far arguments too.
  std::vector<Operator> orders;
  for (int k = 0; k <= max_order; ++k)
    orders.push_back({{{k}, 1.0}});
  const std::vector<double> theta = {1, 0, 1, 0};
  std::vector<double> x;
  for (double a = 1e-12; a < 40; a *= 1.7)
    x.insert(x.end(), {a, -a});
  for (Activation kind : {Activation::tanh, Activation::sin, Activation::softplus, Activation::gelu,
                          Activation::silu, Activation::identity}) {
    const Plan plan(NetShape({1, 1, 1}, kind, orders));
    const int64_t n = int64_t(x.size());
    std::vector<double> u(orders.size() * x.size());
    plan.jets(theta.data(), 1, x.data(), n, u.data(), {});
    for (size_t i = 0; i < x.size(); ++i) {
      const Taylor s = activate(kind, {Real(x[i]), 1, 0, 0, 0});
      Real factorial = 1;
      for (size_t k = 0; k < orders.size(); ++k) {
        factorial *= k > 1 ? Real(k) : 1;
        const double expected = double(s[k] * factorial);
        // a few units in the last place of the largest intermediate (at most 40 here)
        CHECK_NEAR(u[k * x.size() + i], expected, 4e-15 * std::max(1.0, std::abs(x[i])));
      }
      // near zero the value itself must be relatively accurate
      if (std::abs(x[i]) < 1)
        CHECK_NEAR(u[i], double(s[0]), 1e-15 * std::abs(double(s[0])));
    }
  }
}

} // namespace

int main() {
  for (const char *isa : {"base", "avx2", "avx512"}) {
    if (!select_isa(isa)) {
      std::printf("%s: this CPU lacks it\n", isa);
      continue;
    }
    check_activation_range();
    unsigned seed = 0;
    for (Activation kind : {Activation::tanh, Activation::sin, Activation::softplus,
                            Activation::gelu, Activation::silu, Activation::identity})
      for (const auto &widths : std::vector<std::vector<int64_t>>{
               {1, 3, 1}, {2, 8, 8, 1}, {3, 5, 4, 7, 2}, {2, 33, 3}, {4, 2}})
        check_network(widths, kind, ++seed);
    std::printf("%s: done\n", isa);
  }
  return check::exit_status();
}
