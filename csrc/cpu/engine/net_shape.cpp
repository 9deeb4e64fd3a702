#include "anagram/engine/net_shape.hpp"

#include <stdexcept>
#include <utility>

namespace anagram {
namespace {

std::vector<LayerShape> layers_of(const std::vector<int64_t> &widths) {
  if (widths.size() < 2)
    throw std::invalid_argument("widths must hold at least inputs and outputs, got " +
                                std::to_string(widths.size()) + " numbers");
  for (int64_t w : widths)
    if (w < 1 || w > (int64_t(1) << 24))
      throw std::invalid_argument("widths must lie in [1, 2^24], got " + std::to_string(w));
  std::vector<LayerShape> layers;
  int64_t offset = 0, inputs_before = 0;
  for (size_t l = 0; l + 1 < widths.size(); ++l) {
    layers.push_back(
        {static_cast<int>(widths[l]), static_cast<int>(widths[l + 1]), offset, inputs_before});
    offset = layers.back().end();
    inputs_before += even(widths[l]);
  }
  return layers;
}

// Wrong ones are left to JetBasis.
int coordinates_of(const std::vector<Operator> &operators) {
  const bool none = operators.empty() || operators.front().empty();
  return none ? 0 : static_cast<int>(operators.front().front().first.size());
}

} // namespace

Activation activation_from_name(const std::string &name) {
  const std::pair<const char *, Activation> known[] = {
      {"tanh", Activation::tanh}, {"sin", Activation::sin},   {"softplus", Activation::softplus},
      {"gelu", Activation::gelu}, {"silu", Activation::silu}, {"identity", Activation::identity}};
  for (const auto &[text, kind] : known)
    if (name == text)
      return kind;
  throw std::invalid_argument(
      "activation must be tanh, sin, softplus, gelu, silu or identity, got '" + name + "'");
}

NetShape::NetShape(const std::vector<int64_t> &widths, Activation activation,
                   const std::vector<Operator> &operators, bool mapped)
    : layers_(layers_of(widths)), activation_(activation), mapped_(mapped),
      basis_(mapped ? coordinates_of(operators) : layers_.front().n_in, operators) {}

} // namespace anagram
