// The arrays behind a DeviceNet, made on the host.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "anagram/engine/device_net.hpp"
#include "anagram/engine/net_shape.hpp"

namespace anagram {

struct NetTables {
  std::vector<LayerShape> layers;
  std::vector<JetEntry> inner, outer;
  std::vector<JetTerm> terms; // of both
  std::vector<double> linear;
  Activation activation;
  bool mapped;
  int n_components = 0, order = 0;

  explicit NetTables(const NetShape &shape)
      : layers(shape.layers()), linear(shape.basis().linear()), activation(shape.activation()),
        mapped(shape.mapped()) {
    const JetTable closed = shape.basis().inner(), requested = shape.basis().outer();
    inner.assign(closed.entries, closed.entries + closed.n_entries);
    outer.assign(requested.entries, requested.entries + requested.n_entries);
    n_components = closed.n_components;
    order = closed.order;
    int n_terms = 0;
    for (const JetEntry &entry : inner)
      n_terms = std::max(n_terms, entry.last_term);
    for (const JetEntry &entry : outer)
      n_terms = std::max(n_terms, entry.last_term);
    terms.assign(closed.terms, closed.terms + n_terms);
  }

  // The view, for arrays that lie at these addresses: the vectors' own, or their device copies.
  DeviceNet view(const LayerShape *layers_at, const JetEntry *inner_at, const JetEntry *outer_at,
                 const JetTerm *terms_at, const double *linear_at) const {
    DeviceNet net{};
    net.depth = static_cast<int>(layers.size());
    net.layers = layers_at;
    net.activation = activation;
    net.inner = {inner_at, terms_at, static_cast<int>(inner.size()), n_components, order};
    net.outer = {outer_at, terms_at, static_cast<int>(outer.size()), n_components, order};
    net.linear = linear_at;
    net.mapped = mapped;
    net.n_inputs = layers.front().n_in;
    net.n_outputs = layers.back().n_out;
    for (const LayerShape &layer : layers)
      net.widest = std::max({net.widest, layer.n_in, layer.n_out});
    net.n_parameters = layers.back().end();
    return net;
  }
  DeviceNet view() const {
    return view(layers.data(), inner.data(), outer.data(), terms.data(), linear.data());
  }
};

} // namespace anagram
