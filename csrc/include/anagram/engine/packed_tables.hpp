// The tables of a network in one object of fixed size, for a kernel to take by value: they then lie
// in the constant memory of its launch, where all lanes read the same entry at once.
#pragma once

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "anagram/engine/net_tables.hpp"

namespace anagram {

struct PackedTables {
  // Together with its other arguments within the 4 KiB that every kernel may have: networks of up
  // to 16 layers, all second derivatives of 5 coordinates, the Laplacian of 10.
  LayerShape layers[16];
  JetEntry inner[24], outer[24];
  JetTerm terms[48];
  double linear[64];

  // The net with these tables. They must not move afterwards.
  ANAGRAM_HD DeviceNet bound(DeviceNet net) const {
    net.layers = layers;
    net.inner.entries = inner;
    net.outer.entries = outer;
    net.inner.terms = net.outer.terms = terms;
    net.linear = linear;
    return net;
  }
};

// Nothing where they do not fit.
inline std::optional<PackedTables> packed(const NetTables &tables) {
  std::optional<PackedTables> made(std::in_place);
  bool fit = true;
  const auto put = [&](const auto &from, auto &to) {
    fit = fit && from.size() <= std::size(to);
    std::copy_n(from.begin(), std::min(from.size(), std::size(to)), to);
  };
  put(tables.layers, made->layers);
  put(tables.inner, made->inner);
  put(tables.outer, made->outer);
  put(tables.terms, made->terms);
  put(tables.linear, made->linear);
  if (!fit)
    made.reset();
  return made;
}

} // namespace anagram
