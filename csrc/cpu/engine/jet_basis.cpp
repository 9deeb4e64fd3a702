#include "anagram/engine/jet_basis.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <stdexcept>
#include <string>

namespace anagram {
namespace {

int order_of(const MultiIndex &index) { return std::accumulate(index.begin(), index.end(), 0); }

bool is_value(const Operator &op) { return order_of(op.front().first) == 0; }

Operator derivative(const MultiIndex &index) { return {{index, 1.0}}; }

// Sorts, adds up repeated indices and checks everything that can be wrong with a request.
Operator normalised(const Operator &op, int n_coordinates) {
  std::map<MultiIndex, double> sum;
  for (const auto &[index, coefficient] : op) {
    if (static_cast<int>(index.size()) != n_coordinates)
      throw std::invalid_argument("operators must have one entry for each of the " +
                                  std::to_string(n_coordinates) + " coordinates, got " +
                                  std::to_string(index.size()));
    if (std::any_of(index.begin(), index.end(), [](int k) { return k < 0; }))
      throw std::invalid_argument("operators must have orders of at least 0, got a negative one");
    if (order_of(index) > max_order)
      throw std::invalid_argument("operators must have orders of at most " +
                                  std::to_string(max_order) + ", got " +
                                  std::to_string(order_of(index)));
    if (!std::isfinite(coefficient))
      throw std::invalid_argument("operators must have finite coefficients, got " +
                                  std::to_string(coefficient));
    sum[index] += coefficient;
  }
  if (sum.empty())
    throw std::invalid_argument("operators must hold at least one derivative each, got none");
  Operator result(sum.begin(), sum.end());
  const bool has_value = is_value(result); // the zero index sorts first
  if (has_value && (result.size() > 1 || result.front().second != 1.0))
    throw std::invalid_argument(
        "operators must hold the value alone, with coefficient 1, got it in a sum");
  return result;
}

// The partitions of the derivatives `letters` (coordinate numbers) into unordered blocks.
using Partition = std::vector<std::vector<int>>;
void partitions(const std::vector<int> &letters, size_t next, Partition &current,
                std::vector<Partition> &all) {
  if (next == letters.size()) {
    all.push_back(current);
    return;
  }
  for (size_t b = 0; b < current.size(); ++b) {
    current[b].push_back(letters[next]);
    partitions(letters, next + 1, current, all);
    current[b].pop_back();
  }
  current.push_back({letters[next]});
  partitions(letters, next + 1, current, all);
  current.pop_back();
}

std::vector<Partition> partitions_of(const MultiIndex &index) {
  std::vector<int> letters;
  for (size_t c = 0; c < index.size(); ++c)
    letters.insert(letters.end(), static_cast<size_t>(index[c]), static_cast<int>(c));
  std::vector<Partition> all;
  Partition current;
  partitions(letters, 0, current, all);
  return all;
}

MultiIndex index_of(const std::vector<int> &block, int n_coordinates) {
  MultiIndex index(static_cast<size_t>(n_coordinates), 0);
  for (int letter : block)
    ++index[static_cast<size_t>(letter)];
  return index;
}

} // namespace

JetBasis::JetBasis(int n_coordinates, const std::vector<Operator> &requested)
    : n_coordinates_(n_coordinates) {
  if (n_coordinates < 1)
    throw std::invalid_argument("operators must be of at least one coordinate, got none");
  if (requested.empty())
    throw std::invalid_argument("operators must hold at least one, got none");
  component_of(derivative(MultiIndex(static_cast<size_t>(n_coordinates), 0))); // slot 0: the value
  std::vector<int> outer;
  for (const Operator &op : requested) {
    const int component = component_of(normalised(op, n_coordinates));
    if (std::find(outer.begin(), outer.end(), component) != outer.end())
      throw std::invalid_argument("operators must differ, got one twice");
    outer.push_back(component);
  }
  for (int component : outer)
    outer_entries_.push_back(inner_entries_[static_cast<size_t>(component)]);
  linear_.assign(components_.size() * static_cast<size_t>(n_coordinates), 0.0);
  for (size_t c = 0; c < components_.size(); ++c)
    for (const auto &[index, coefficient] : components_[c])
      if (order_of(index) == 1)
        for (size_t i = 0; i < index.size(); ++i)
          linear_[c * static_cast<size_t>(n_coordinates) + i] += coefficient * index[i];
}

// The number of a component; adds it, after everything it depends on, when it is new.
int JetBasis::component_of(const Operator &op) {
  const auto known = std::find(components_.begin(), components_.end(), op);
  if (known != components_.end())
    return static_cast<int>(known - components_.begin());
  if (is_value(op)) {
    components_.push_back(op);
    inner_entries_.push_back({0, 0, 0});
    return 0;
  }
  add_terms(op);
  return static_cast<int>(components_.size()) - 1;
}

// Faa di Bruno: d^a s(z) = sum over partitions of a of s^(blocks) * product of z_block. Equal
// products are merged; the one-block partition is the linear part s' z_a and stays implicit.
void JetBasis::add_terms(const Operator &op) {
  std::map<std::vector<int>, double> products; // sorted factors -> coefficient
  for (const auto &[index, coefficient] : op)
    for (const Partition &partition : partitions_of(index)) {
      if (partition.size() < 2)
        continue;
      std::vector<int> factors;
      for (const auto &block : partition)
        factors.push_back(component_of(derivative(index_of(block, n_coordinates_))));
      std::sort(factors.begin(), factors.end());
      products[factors] += coefficient;
    }
  const int first = static_cast<int>(terms_.size());
  for (const auto &[factors, coefficient] : products) {
    JetTerm term{coefficient, static_cast<int>(factors.size()), {}};
    std::copy(factors.begin(), factors.end(), term.factor);
    terms_.push_back(term);
    order_ = std::max(order_, term.n_factors);
  }
  const int component = static_cast<int>(components_.size());
  components_.push_back(op);
  JetEntry entry{component, first, static_cast<int>(terms_.size()), max_order, 1};
  for (const auto &[index, coefficient] : op) {
    entry.lowest_order = std::min(entry.lowest_order, order_of(index));
    entry.highest_order = std::max(entry.highest_order, order_of(index));
  }
  inner_entries_.push_back(entry);
}

JetTable JetBasis::table(const std::vector<JetEntry> &entries) const {
  JetTable table;
  table.entries = entries.data();
  table.terms = terms_.data();
  table.n_entries = static_cast<int>(entries.size());
  table.n_components = n_components();
  table.order = order_;
  return table;
}

} // namespace anagram
