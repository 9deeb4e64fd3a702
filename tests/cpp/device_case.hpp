// A random network, basis and point set; what the CPU engine makes of it, and the same by the block
// functors of the CUDA backend.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "anagram/engine/net_tables.hpp"
#include "anagram/engine/team_machine.hpp"
#include "anagram/engine/tile_blocks.hpp"
#include "cpu/engine/plan.hpp"

namespace device_case {

using anagram::Activation;
using anagram::Operator;
using anagram::base::JacobianBlock;
using anagram::base::JetsBlock;
using anagram::base::JvpBlock;
using anagram::base::SweepInput;
using anagram::base::VjpBlock;

struct Shape {
  std::vector<int64_t> widths;
  Activation activation;
  std::vector<Operator> operators;
  int64_t n;
  int n_residuals, tile;
  bool mapped = false; // the input is random jets of features
};

// The machine that a team of lanes is.
template <class Team> anagram::base::TeamMachine<Team> on(const Team &team) { return {team}; }

template <class T> struct Results {
  std::vector<T> jets, jacobian, vjp, jvp;
};

// Largest difference, relative to the largest expected entry; infinite for a NaN or another size.
template <class T> double distance(const std::vector<T> &got, const std::vector<T> &expected) {
  double scale = 0, worst = 0;
  if (got.size() != expected.size())
    return INFINITY;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double difference = std::abs(static_cast<double>(got[i] - expected[i]));
    if (std::isnan(difference))
      return INFINITY;
    worst = std::max(worst, difference);
    scale = std::max(scale, std::abs(static_cast<double>(expected[i])));
  }
  return worst / (scale > 0 ? scale : 1);
}

template <class T> class Case {
public:
  Case(const Shape &shape, unsigned seed)
      : shape_(shape), net_(shape.widths, shape.activation, shape.operators, shape.mapped),
        tables_(net_), random_(seed) {
    const size_t p = static_cast<size_t>(tables_.view().n_parameters);
    const size_t rows = static_cast<size_t>(shape.n * shape.n_residuals);
    thetas_ = normal(2 * p, 0.5);
    inputs_ = normal(static_cast<size_t>(shape.n * net_.input_size()), 1);
    seeds_ = normal(rows * shape.operators.size() * static_cast<size_t>(shape.widths.back()), 1);
    w_ = normal(rows, 1);
    v_ = normal(p, 1);
    gradient_ = normal(p, 1); // vjp adds to it
  }

  int64_t n_parameters() const { return net_.n_parameters(); }
  int64_t row_stride() const { return n_parameters() + 3; }

  Results<T> expected() const {
    const anagram::Plan plan(net_);
    Results<T> out = empty();
    const auto poll = [] {};
    const int c = shape_.n_residuals;
    plan.jets(thetas_.data(), 2, inputs_.data(), shape_.n, out.jets.data(), poll);
    plan.jacobian(thetas_.data(), inputs_.data(), shape_.n, seeds_.data(), c, out.jacobian.data(),
                  row_stride(), poll);
    plan.vjp(thetas_.data(), inputs_.data(), shape_.n, seeds_.data(), c, w_.data(), out.vjp.data(),
             poll);
    plan.jvp(thetas_.data(), inputs_.data(), shape_.n, seeds_.data(), c, v_.data(), out.jvp.data(),
             poll);
    return out;
  }

  // `run(functor, block, scratch)` runs one block of a launch.
  template <class Run> Results<T> by_blocks(const Run &run) const {
    Results<T> out = empty();
    const std::vector<T> turned = transposed(thetas_), v_turned = transposed(v_);
    SweepInput<T> in{tables_.view(), {thetas_.data(), turned.data()},
                     inputs_.data(), shape_.n,
                     seeds_.data(),  shape_.n_residuals,
                     shape_.tile};
    launch(run, JetsBlock<T>{in, out.jets.data()}, 2 * in.n_tiles(), anagram::Task::jets);
    launch(run, JacobianBlock<T>{in, out.jacobian.data(), row_stride()}, in.n_tiles(),
           anagram::Task::rows);
    launch(run, JvpBlock<T>{in, {v_.data(), v_turned.data()}, out.jvp.data()}, in.n_tiles(),
           anagram::Task::tangent);
    const int chunks = static_cast<int>(std::min<int64_t>(3, in.n_tiles()));
    std::vector<T> partial(static_cast<size_t>(chunks * n_parameters()), T(0));
    launch(run, VjpBlock<T>{in, w_.data(), chunks, partial.data()}, chunks, anagram::Task::rows);
    anagram::base::SumChunks<T>{chunks, n_parameters(), partial.data(),
                                out.vjp.data()}(anagram::SerialTeam{});
    return out;
  }

private:
  Results<T> empty() const {
    const T nan = std::numeric_limits<T>::quiet_NaN();
    const size_t rows = static_cast<size_t>(shape_.n * shape_.n_residuals);
    const size_t jets = shape_.operators.size() * static_cast<size_t>(shape_.widths.back()) *
                        static_cast<size_t>(shape_.n);
    Results<T> out{std::vector<T>(2 * jets, nan),
                   std::vector<T>(rows * static_cast<size_t>(row_stride()), nan), gradient_,
                   std::vector<T>(rows, nan)};
    for (size_t row = 0; row < rows; ++row) // the gap between rows belongs to somebody else
      for (int64_t p = n_parameters(); p < row_stride(); ++p)
        out.jacobian[row * static_cast<size_t>(row_stride()) + static_cast<size_t>(p)] = 7;
    return out;
  }

  template <class Run, class F>
  void launch(const Run &run, const F &functor, int64_t blocks, anagram::Task task) const {
    const anagram::TileLayout layout(tables_.view(), shape_.tile, task);
    std::vector<T> scratch(static_cast<size_t>(layout.size()));
    for (int64_t block = 0; block < blocks; ++block) {
      std::fill(scratch.begin(), scratch.end(), std::numeric_limits<T>::quiet_NaN());
      run(functor, block, scratch.data());
    }
  }

  std::vector<T> transposed(const std::vector<T> &thetas) const {
    std::vector<T> out(thetas.size());
    const size_t p = static_cast<size_t>(n_parameters());
    for (size_t at = 0; at < thetas.size(); at += p)
      anagram::base::Transpose<T>{tables_.view(), thetas.data() + at,
                                  out.data() + at}(anagram::SerialTeam{});
    return out;
  }

  std::vector<T> normal(size_t size, double deviation) {
    std::normal_distribution<double> distribution(0, deviation);
    std::vector<T> out(size);
    for (T &value : out)
      value = static_cast<T>(distribution(random_));
    return out;
  }

  Shape shape_;
  anagram::NetShape net_;
  anagram::NetTables tables_;
  std::mt19937 random_;
  std::vector<T> thetas_, inputs_, seeds_, w_, v_, gradient_;
};

inline Operator derivative(std::vector<int> index) { return {{std::move(index), 1.0}}; }

inline std::vector<Shape> shapes() {
  const Operator value1 = derivative({0}), value2 = derivative({0, 0});
  const Operator laplacian{{{2, 0}, 1.0}, {{0, 2}, 1.0}};
  const Operator biharmonic{{{4, 0}, 1.0}, {{2, 2}, 2.0}, {{0, 4}, 1.0}};
  return {
      {{2, 9, 1}, Activation::tanh, {value2, derivative({1, 0}), derivative({0, 2})}, 7, 1, 3},
      {{2, 5, 33, 4, 1}, Activation::tanh, {value2, laplacian}, 11, 1, 4},
      {{2, 40, 36, 2}, Activation::sin, {laplacian, value2, derivative({1, 1})}, 9, 3, 4},
      {{2, 8, 6, 1}, Activation::softplus, {biharmonic}, 5, 2, 2},
      {{1, 7, 7, 3}, Activation::gelu, {derivative({3}), value1}, 6, 2, 6},
      {{2, 6, 1}, Activation::silu, {derivative({2, 2}), derivative({1, 0})}, 1, 1, 4},
      {{2, 1}, Activation::identity, {derivative({1, 0}), value2}, 5, 2, 2},
      {{3, 9, 7, 1}, Activation::tanh, {value2, derivative({1, 0}), laplacian}, 7, 1, 3, true},
      {{40, 36, 2}, Activation::sin, {biharmonic, value2, derivative({2, 1})}, 9, 2, 4, true},
      {{6, 1}, Activation::identity, {laplacian, value2}, 5, 2, 2, true},
      {{5, 12, 12, 1},
       Activation::tanh,
       {{{{2, 0, 0, 0, 0}, 1.0}, {{0, 2, 0, 0, 0}, 1.0}, {{0, 0, 2, 0, 0}, 0.5}}},
       8,
       1,
       5},
  };
}

// Any network, basis, number of points and tiling.
inline Shape random_shape(std::mt19937 &random) {
  const auto uniform = [&](int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(random);
  };
  const int d = uniform(1, 3);
  Shape shape{
      {d},          static_cast<Activation>(uniform(0, 5)), {}, uniform(1, 12), uniform(1, 3),
      uniform(1, 6)};
  shape.mapped = uniform(0, 1);
  if (shape.mapped)
    shape.widths.front() = uniform(1, 20);
  for (int hidden = uniform(0, 3); hidden > 0; --hidden)
    shape.widths.push_back(uniform(1, 40));
  shape.widths.push_back(uniform(1, 3));
  std::set<std::vector<int>> indices;
  for (int k = uniform(1, 3); k > 0; --k) {
    std::vector<int> index(static_cast<size_t>(d), 0);
    for (int order = uniform(0, 4); order > 0; --order)
      ++index[static_cast<size_t>(uniform(0, d - 1))];
    indices.insert(index);
  }
  for (const std::vector<int> &index : indices)
    shape.operators.push_back(derivative(index));
  if (d > 1 && uniform(0, 1)) { // one collapsed operator among them
    std::vector<int> first(static_cast<size_t>(d), 0), second(first);
    first[0] = second[1] = 2;
    shape.operators.push_back({{first, 1.0}, {second, -0.5}});
  }
  return shape;
}

} // namespace device_case
