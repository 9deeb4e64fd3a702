// The jet propagation rules of one basis as plain arrays that host and device can read.
#pragma once

#include "anagram/macros.hpp"

namespace anagram {

constexpr int max_order = 4; // highest derivative of the network in its inputs

// coefficient * s^(n_factors)(z) * z[factor[0]] * ... * z[factor[n_factors - 1]]
struct JetTerm {
  double coefficient;
  int n_factors; // 2 .. max_order
  int factor[max_order];
};

// One output component of an activation: s'(z) z[component] + the terms [first_term, last_term),
// or s(z) itself where component == 0 (the value).
struct JetEntry {
  int component;
  int first_term;
  int last_term;
  int lowest_order = 0; // of the derivatives that make up the component
  int highest_order = 0;
};

// Activation rule h = s(z): entry k fills slot k of h from the n_components slots of z.
struct JetTable {
  const JetEntry *entries = nullptr;
  const JetTerm *terms = nullptr;
  int n_entries = 0;
  int n_components = 0; // slots of z; slot 0 is the value
  int order = 0;        // highest derivative of s in the forward rule
};

} // namespace anagram
