#include "tensor_checks.hpp"

#include <string>

namespace anagram {
namespace {

bool matches(const TensorView &view, DType dtype, std::initializer_list<std::int64_t> shape,
             dlpack::Device device) {
  if (view.device().type != device.type || view.device().id != device.id || view.dtype() != dtype ||
      view.ndim() != static_cast<int>(shape.size()))
    return false;
  int axis = 0;
  for (const std::int64_t length : shape) {
    if (length != any_size && view.shape(axis) != length)
      return false;
    ++axis;
  }
  return true;
}

bool lies_in(const TensorView &view, Layout layout) {
  if (layout == Layout::contiguous || view.ndim() != 2)
    return view.contiguous();
  const bool unit_columns = view.shape(1) <= 1 || view.stride(1) == 1;
  const bool rows_apart = view.shape(0) <= 1 || view.stride(0) >= view.shape(1);
  return unit_columns && rows_apart;
}

std::string wanted(DType dtype, std::initializer_list<std::int64_t> shape, dlpack::Device device) {
  std::string text = dtype == DType::f64 ? "float64 [" : "float32 [";
  const char *separator = "";
  for (const std::int64_t length : shape) {
    text += separator + (length == any_size ? std::string("*") : std::to_string(length));
    separator = ", ";
  }
  return text + "] on " + device_name(device);
}

} // namespace

void require(const TensorView &view, DType dtype, std::initializer_list<std::int64_t> shape,
             Layout layout, dlpack::Device device) {
  if (!matches(view, dtype, shape, device))
    throw std::invalid_argument(view.name() + " must be " + wanted(dtype, shape, device) +
                                ", got " + view.describe());
  if (!lies_in(view, layout))
    throw std::invalid_argument(view.name() + " must have " +
                                (layout == Layout::rows ? "contiguous rows" : "contiguous memory") +
                                ", got a strided view " + view.describe());
}

} // namespace anagram
