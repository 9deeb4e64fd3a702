// What a sweep takes for the input of a network, checked.
#pragma once

#include "anagram/engine/net_shape.hpp"
#include "tensor_checks.hpp"

namespace anagram {

inline const char *input_name(const NetShape &net) { return net.mapped() ? "features" : "points"; }

// Throws std::invalid_argument unless the view holds points [n, d], or of a mapped network the jets
// of its features [n, n_components, n_inputs].
inline void require_input(const TensorView &view, const NetShape &net, DType dtype,
                          dlpack::Device device = {dlpack::cpu, 0}) {
  if (net.mapped())
    require(view, dtype, {any_size, net.n_components(), net.n_inputs()}, Layout::contiguous,
            device);
  else
    require(view, dtype, {any_size, net.n_inputs()}, Layout::contiguous, device);
}

} // namespace anagram
