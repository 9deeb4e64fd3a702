// Which derivatives of the network a residual needs, and how an activation mixes them.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "anagram/engine/jet_table.hpp"

namespace anagram {

using MultiIndex = std::vector<int>; // derivative orders, one a coordinate; all zero = the value

// A constant-coefficient linear differential operator: sum of coefficient * d^index.
using Operator = std::vector<std::pair<MultiIndex, double>>;

// The closure of the requested operators under sub-multi-indices, with the Faa di Bruno terms.
//
// A single derivative is one component; an operator with several derivatives (Laplacian, ...) is
// collapsed into one component as well, because z_L = sum c_a z_a obeys the same linear rule and
// only the lower-order terms of each z_a are needed.
class JetBasis {
public:
  // Throws std::invalid_argument for an empty request, an index of the wrong length, an order
  // above max_order, a repeated operator, or the value inside a longer operator.
  JetBasis(int n_coordinates, const std::vector<Operator> &requested);

  int n_coordinates() const { return n_coordinates_; }
  int n_components() const { return static_cast<int>(components_.size()); }
  int n_requested() const { return static_cast<int>(outer_entries_.size()); }

  // What the slots of a jet hold, in their order; slot 0 is the value.
  const std::vector<Operator> &components() const { return components_; }

  JetTable inner() const { return table(inner_entries_); } // every component
  JetTable outer() const { return table(outer_entries_); } // the requested ones, in their order

  // [n_components, n_coordinates]: d(component of x_i); nonzero for first derivatives only.
  const std::vector<double> &linear() const { return linear_; }

private:
  int component_of(const Operator &op);
  void add_terms(const Operator &op);
  JetTable table(const std::vector<JetEntry> &entries) const;

  int n_coordinates_;
  int order_ = 1;                    // highest derivative of the activation in any term
  std::vector<Operator> components_; // component 0 is the value
  std::vector<JetEntry> inner_entries_;
  std::vector<JetEntry> outer_entries_;
  std::vector<JetTerm> terms_;
  std::vector<double> linear_;
};

} // namespace anagram
