// Zero-copy view of an array that somebody else owns: NumPy, torch, or any DLPack producer.
#pragma once

#include "dlpack_abi.hpp"

#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>
#include <string>

namespace anagram {
namespace py = pybind11;

enum class DType { f32, f64, other };
template <class T> constexpr DType dtype_of = DType::other;
template <> inline constexpr DType dtype_of<float> = DType::f32;
template <> inline constexpr DType dtype_of<double> = DType::f64;

enum class Access { read, write };

// Holds the producer's array alive. Construct and destroy with the GIL held: declare it before
// WithoutGil.
class TensorView {
public:
  // `name` is the argument's name in the Python signature; every error about the array starts with
  // it. Throws TypeError when `object` is no array, ValueError when it is read-only but to be
  // written. torch tensors that require grad must come detached: the view does not record
  // gradients.
  TensorView(py::handle object, std::string name, Access access = Access::read);

  const std::string &name() const { return name_; }
  DType dtype() const;
  dlpack::Device device() const { return tensor_->device; }
  int ndim() const { return tensor_->ndim; }
  std::int64_t shape(int axis) const { return tensor_->shape[axis]; }
  std::int64_t stride(int axis) const; // in elements
  std::int64_t size() const;
  bool contiguous() const; // C order

  template <class T> T *data() const {
    return reinterpret_cast<T *>(static_cast<char *>(tensor_->data) + tensor_->byte_offset);
  }

  // "float64 [10, 3] on cpu": what an error message says the caller passed.
  std::string describe() const;

private:
  struct Lender; // whatever must be given back: a Py_buffer or a managed DLPack tensor
  std::string name_;
  std::shared_ptr<Lender> lender_;
  const dlpack::Tensor *tensor_ = nullptr;

  bool borrow_buffer(py::handle object);
  bool borrow_exchange_api(py::handle object);
  void borrow_python_protocol(py::handle object);
};

std::string device_name(dlpack::Device device); // "cpu", "cuda:0"

} // namespace anagram
