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
//
// The first layer reads the coordinates, or features of them ("mapped"). Features come as their
// jets: what a sweep takes for a point is then not [d] but [n_components, n_inputs], each component
// of the basis applied to each feature.
class NetShape {
public:
  // Throws std::invalid_argument for widths that are no network, and as JetBasis does. Of a mapped
  // network widths[0] counts features; the coordinates are as many as the operators say.
  NetShape(const std::vector<int64_t> &widths, Activation activation,
           const std::vector<Operator> &operators, bool mapped = false);

  const std::vector<LayerShape> &layers() const { return layers_; }
  Activation activation() const { return activation_; }
  const JetBasis &basis() const { return basis_; }

  int64_t n_parameters() const { return layers_.back().end(); }  // P
  int64_t n_inputs() const { return layers_.front().n_in; }      // d, or features
  int64_t n_outputs() const { return layers_.back().n_out; }     // m
  int64_t n_requested() const { return basis_.n_requested(); }   // K
  int64_t n_components() const { return basis_.n_components(); } // of the closed basis
  bool mapped() const { return mapped_; }
  // Numbers that a sweep reads for one point.
  int64_t input_size() const { return mapped_ ? n_components() * n_inputs() : n_inputs(); }

private:
  std::vector<LayerShape> layers_;
  Activation activation_;
  bool mapped_;
  JetBasis basis_;
};

} // namespace anagram
