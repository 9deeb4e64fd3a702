// Checks of arguments at the Python boundary. Every message names the argument, what it must be and
// what came: "points must be float64 [*, 2] on cpu, got float32 [10, 3] on cpu".
#pragma once

#include "tensor_view.hpp"

#include <cstdint>
#include <initializer_list>
#include <stdexcept>

namespace anagram {

constexpr std::int64_t any_size = -1;

enum class Layout {
  contiguous, // C order, no gaps
  rows,       // 2-D, each row contiguous; rows may lie apart (stride(0) >= shape(1))
};

// Throws std::invalid_argument (ValueError in Python) unless the view is an array of this dtype,
// shape (any_size matches every length) and memory layout, on this device.
void require(const TensorView &view, DType dtype, std::initializer_list<std::int64_t> shape,
             Layout layout = Layout::contiguous, dlpack::Device device = {dlpack::cpu, 0});

// Calls function(T{}) with T = float or double, whatever the view holds; ValueError for another
// dtype. Use: visit_dtype(theta, [&](auto zero) { using T = decltype(zero); ... });
template <class Function> auto visit_dtype(const TensorView &view, Function &&function) {
  switch (view.dtype()) {
  case DType::f64:
    return function(double{});
  case DType::f32:
    return function(float{});
  default:
    throw std::invalid_argument(view.name() + " must be float64 or float32, got " +
                                view.describe());
  }
}

} // namespace anagram
