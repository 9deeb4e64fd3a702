#include "tensor_view.hpp"

#include <cstring>
#include <stdexcept>

namespace anagram {

// Exactly one of the three members is set.
struct TensorView::Lender {
  static constexpr int max_ndim = 8;

  Py_buffer buffer{};
  bool holds_buffer = false;
  dlpack::ManagedTensorVersioned *managed = nullptr;
  dlpack::ManagedTensor *managed_old = nullptr;

  // A buffer has byte strides and no DLPack description: this is the one we write for it.
  dlpack::Tensor description{};
  std::int64_t shape[max_ndim] = {};
  std::int64_t strides[max_ndim] = {};

  bool read_only() const {
    if (holds_buffer)
      return buffer.readonly != 0;
    return managed && (managed->flags & dlpack::flag_read_only);
  }

  Lender() = default;
  Lender(const Lender &) = delete;
  Lender &operator=(const Lender &) = delete;
  ~Lender() {
    if (holds_buffer)
      PyBuffer_Release(&buffer);
    if (managed && managed->deleter)
      managed->deleter(managed);
    if (managed_old && managed_old->deleter)
      managed_old->deleter(managed_old);
  }
};

namespace {

// The DLPack type of a struct-module format such as "d" or "<f"; lanes 0 says "none of ours".
dlpack::DataType type_of_format(const char *format, py::ssize_t itemsize) {
  if (!format)
    format = "B";
  if (*format == '<' || *format == '=' || *format == '@')
    ++format;
  if (!format[0] || format[1])
    return {0, 0, 0};
  const auto bits = static_cast<std::uint8_t>(8 * itemsize);
  if (std::strchr("df", *format))
    return {dlpack::floating, bits, 1};
  if (std::strchr("bhilqn", *format))
    return {dlpack::signed_int, bits, 1};
  if (std::strchr("BHILQN", *format))
    return {dlpack::unsigned_int, bits, 1};
  if (*format == '?')
    return {dlpack::boolean, bits, 1};
  return {0, 0, 0};
}

std::string dtype_name(const dlpack::DataType &type) {
  static const char *const codes[] = {"int", "uint", "float", "opaque", "bfloat", "complex"};
  if (type.lanes == 0)
    return "unsupported dtype";
  if (type.code == dlpack::boolean)
    return "bool";
  return (type.code < 6 ? codes[type.code] : "type") + std::to_string(type.bits);
}

} // namespace

TensorView::TensorView(py::handle object, std::string name, Access access)
    : name_(std::move(name)), lender_(std::make_shared<Lender>()) {
  // Cheapest first: NumPy's buffer costs a tenth of its __dlpack__, torch's C table a hundredth.
  if (!borrow_buffer(object) && !borrow_exchange_api(object))
    borrow_python_protocol(object);
  if (access == Access::write && lender_->read_only())
    throw std::invalid_argument(name_ + " must be writable, got a read-only array");
}

bool TensorView::borrow_buffer(py::handle object) {
  if (!PyObject_CheckBuffer(object.ptr()))
    return false;
  Py_buffer &buffer = lender_->buffer;
  // Always ask read-only: whether it may be written is checked once, for every protocol alike.
  if (PyObject_GetBuffer(object.ptr(), &buffer, PyBUF_RECORDS_RO) != 0)
    throw py::error_already_set();
  lender_->holds_buffer = true;
  if (buffer.ndim > Lender::max_ndim)
    throw std::invalid_argument(name_ + " must have at most 8 dimensions, got " +
                                std::to_string(buffer.ndim));
  for (int axis = 0; axis < buffer.ndim; ++axis) {
    if (buffer.strides[axis] % buffer.itemsize)
      throw std::invalid_argument(name_ + " must have strides in whole elements, got one of " +
                                  std::to_string(buffer.strides[axis]) + " bytes for elements of " +
                                  std::to_string(buffer.itemsize));
    lender_->shape[axis] = buffer.shape[axis];
    lender_->strides[axis] = buffer.strides[axis] / buffer.itemsize;
  }
  lender_->description = {buffer.buf,
                          {dlpack::cpu, 0},
                          buffer.ndim,
                          type_of_format(buffer.format, buffer.itemsize),
                          lender_->shape,
                          lender_->strides,
                          0};
  tensor_ = &lender_->description;
  return true;
}

bool TensorView::borrow_exchange_api(py::handle object) {
  PyObject *type = reinterpret_cast<PyObject *>(Py_TYPE(object.ptr()));
  PyObject *attribute = PyObject_GetAttrString(type, "__dlpack_c_exchange_api__");
  if (!attribute) {
    PyErr_Clear();
    return false;
  }
  const auto capsule = py::reinterpret_steal<py::object>(attribute);
  const auto *api = static_cast<const dlpack::ExchangeApi *>(
      PyCapsule_GetPointer(capsule.ptr(), "dlpack_exchange_api"));
  if (!api || api->version.major != 1) {
    PyErr_Clear();
    return false;
  }
  if (api->from_py_object(object.ptr(), &lender_->managed) != 0)
    throw py::error_already_set();
  tensor_ = &lender_->managed->tensor;
  return true;
}

void TensorView::borrow_python_protocol(py::handle object) {
  if (!py::hasattr(object, "__dlpack__"))
    throw py::type_error(name_ + " must be a torch or NumPy array, got " +
                         py::str(py::type::handle_of(object).attr("__name__")).cast<std::string>());
  const py::object export_capsule = object.attr("__dlpack__");
  // On a device: -1 asks for no synchronisation, because we work on the producer's own stream.
  py::dict options;
  if (py::hasattr(object, "__dlpack_device__") &&
      object.attr("__dlpack_device__")().cast<py::tuple>()[0].cast<int>() == dlpack::cuda)
    options["stream"] = -1;
  py::object capsule;
  try {
    capsule = export_capsule(py::arg("max_version") = py::make_tuple(1, 0), **options);
  } catch (py::error_already_set &error) {
    if (!error.matches(PyExc_TypeError))
      throw;
    capsule = export_capsule(**options); // a producer older than DLPack 1.0
  }
  // The capsule is renamed when taken, so that its destructor leaves the tensor to us.
  if (PyCapsule_IsValid(capsule.ptr(), "dltensor_versioned")) {
    lender_->managed = static_cast<dlpack::ManagedTensorVersioned *>(
        PyCapsule_GetPointer(capsule.ptr(), "dltensor_versioned"));
    PyCapsule_SetName(capsule.ptr(), "used_dltensor_versioned");
    if (lender_->managed->version.major != 1)
      throw py::type_error(name_ + " must come by version 1 of DLPack, got version " +
                           std::to_string(lender_->managed->version.major));
    tensor_ = &lender_->managed->tensor;
  } else if (PyCapsule_IsValid(capsule.ptr(), "dltensor")) {
    lender_->managed_old =
        static_cast<dlpack::ManagedTensor *>(PyCapsule_GetPointer(capsule.ptr(), "dltensor"));
    PyCapsule_SetName(capsule.ptr(), "used_dltensor");
    tensor_ = &lender_->managed_old->tensor;
  } else {
    throw py::type_error(name_ + " must give a DLPack capsule from __dlpack__, got another object");
  }
}

DType TensorView::dtype() const {
  const dlpack::DataType &type = tensor_->dtype;
  if (type.code != dlpack::floating || type.lanes != 1)
    return DType::other;
  return type.bits == 64 ? DType::f64 : type.bits == 32 ? DType::f32 : DType::other;
}

std::int64_t TensorView::stride(int axis) const {
  if (tensor_->strides)
    return tensor_->strides[axis];
  std::int64_t stride = 1;
  for (int later = ndim() - 1; later > axis; --later)
    stride *= shape(later);
  return stride;
}

std::int64_t TensorView::size() const {
  std::int64_t count = 1;
  for (int axis = 0; axis < ndim(); ++axis)
    count *= shape(axis);
  return count;
}

bool TensorView::contiguous() const {
  std::int64_t expected = 1;
  for (int axis = ndim() - 1; axis >= 0; --axis) {
    if (shape(axis) != 1 && stride(axis) != expected)
      return false;
    expected *= shape(axis);
  }
  return true;
}

std::string TensorView::describe() const {
  std::string text = dtype_name(tensor_->dtype) + " [";
  for (int axis = 0; axis < ndim(); ++axis)
    text += (axis ? ", " : "") + std::to_string(shape(axis));
  return text + "] on " + device_name(device());
}

std::string device_name(dlpack::Device device) {
  if (device.type == dlpack::cpu)
    return "cpu";
  return (device.type == dlpack::cuda ? "cuda:" : "another device, number ") +
         std::to_string(device.id);
}

} // namespace anagram
