// anagram_ext._cuda: imports without a GPU, a driver or any CUDA library.
#include <cuda_runtime_api.h>

#include <pybind11/stl.h>

#include "bindings/gil.hpp"
#include "bindings/register.hpp"
#include "cuda/runtime/device.hpp"
#include "cuda/runtime/libraries.hpp"
#include "cuda/runtime/status.hpp"
#include "register.hpp"

namespace py = pybind11;
using namespace py::literals;

namespace {

int driver_version() {
  int version = 0; // also what an absent driver reports
  ANAGRAM_CUDA(cudaDriverGetVersion(&version));
  return version;
}

py::tuple device_count() {
  const anagram::cuda::DeviceCount found = anagram::cuda::count_devices();
  return py::make_tuple(found.count, found.reason);
}

py::tuple lib_paths() {
  const anagram::cuda::Libraries &found = anagram::cuda::libraries();
  return py::make_tuple(found.cublas_path, found.cusolver_path);
}

// CudaError and OutOfMemory become the exceptions of anagram_ext.errors, which Python defines.
void translate_errors(std::exception_ptr pointer) {
  const auto raise = [](const char *name, const std::exception &error) {
    py::set_error(py::module_::import("anagram_ext.errors").attr(name), error.what());
  };
  try {
    if (pointer)
      std::rethrow_exception(pointer);
  } catch (const anagram::cuda::OutOfMemory &error) {
    raise("OutOfMemoryError", error);
  } catch (const anagram::cuda::CudaError &error) {
    raise("CudaError", error);
  }
}

} // namespace

PYBIND11_MODULE(_cuda, module) {
  module.doc() = "CUDA engine of anagram_ext.";
  anagram::register_exit_handler();
  py::register_local_exception_translator(&translate_errors);
  module.attr("built_with") = CUDART_VERSION; // e.g. 13000
  module.def("device_count", &device_count, "The number of devices, and why there are none.");
  module.def("device_name", &anagram::cuda::device_name, "device"_a);
  module.def("driver_version", &driver_version);
  module.def("load", &anagram::cuda::load_libraries, "preload"_a, "cublas"_a, "cusolver"_a,
             "Maps cuBLAS and cuSOLVER; returns '' or the reason of the failure.");
  module.def("lib_paths", &lib_paths, "Where cuBLAS and cuSOLVER were found.");
  anagram::register_lapack(module); // for the small matrices of the solve
  anagram::cuda::register_plan(module);
  anagram::cuda::register_solver(module);
}
