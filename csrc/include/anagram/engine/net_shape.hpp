// What the plans of all devices know of a network and its derivatives before there is a theta.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "anagram/engine/activation.hpp"
#include "anagram/engine/jet_basis.hpp"
#include "anagram/engine/layer_shape.hpp"

namespace anagram {

Activation activation_from_name(const std::string &name); // throws std::invalid_argument

// theta [P] is ordered like torch.nn.Sequential(Linear, activation, Linear, ...).parameters();
// the jets of one theta are [K, m] a point.
class NetShape {
public:
  // Throws std::invalid_argument for widths that are no network, and as JetBasis does.
  NetShape(const std::vector<int64_t> &widths, Activation activation,
           const std::vector<Operator> &operators);

  const std::vector<LayerShape> &layers() const { return layers_; }
  Activation activation() const { return activation_; }
  const JetBasis &basis() const { return basis_; }

  int64_t n_parameters() const { return layers_.back().end(); }  // P
  int64_t n_inputs() const { return layers_.front().n_in; }      // d
  int64_t n_outputs() const { return layers_.back().n_out; }     // m
  int64_t n_requested() const { return basis_.n_requested(); }   // K
  int64_t n_components() const { return basis_.n_components(); } // of the closed basis

private:
  std::vector<LayerShape> layers_;
  Activation activation_;
  JetBasis basis_;
};

} // namespace anagram
