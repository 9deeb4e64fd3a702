// Binding of the LAPACK table; anagram_ext/native/lapack.py decides which library and calls this
// once.
#include "cpu/solver/lapack.hpp"
#include "register.hpp"

#include <cstring>

namespace anagram {
namespace {

namespace py = pybind11;

// The C function in capsules[name], or null. A capsule's name is the function's C signature.
void *function_in_capsule(const py::dict &capsules, const std::string &name) {
  PyObject *capsule = PyDict_GetItemString(capsules.ptr(), name.c_str());
  if (!capsule || !PyCapsule_CheckExact(capsule))
    return nullptr;
  const char *signature = PyCapsule_GetName(capsule);
  if (!signature || std::strstr(signature, "int64")) // ILP64: our integers would be misread
    return nullptr;
  return PyCapsule_GetPointer(capsule, signature);
}

std::string bind_capsules(const std::string &backend, const py::dict &blas,
                          const py::dict &lapack_functions) {
  return bind_lapack(backend, [&](const std::string &name) {
    void *address = function_in_capsule(lapack_functions, name);
    return address ? address : function_in_capsule(blas, name);
  });
}

} // namespace

void register_lapack(py::module_ &module) {
  module.def("bind_lapack_capsules", &bind_capsules, py::arg("backend"), py::arg("blas"),
             py::arg("lapack"));
  module.def("bind_lapack_library", &bind_lapack_library, py::arg("backend"), py::arg("path"),
             py::arg("prefix"));
  module.def("bind_blas_threads", &bind_blas_threads, py::arg("path"), py::arg("prefix"));
  module.def("lapack_backend", &lapack_backend);
  module.def("get_blas_threads", &get_blas_threads);
  module.def("set_blas_threads", &set_blas_threads, py::arg("count"));
}

} // namespace anagram
