// The factorisation object, once for each dtype; anagram_ext/factorise.py picks the class.
#include "cpu/factorise.hpp"
#include "cpu/lapack.hpp"
#include "cpu/magnitude.hpp"
#include "register.hpp"
#include "tensor_checks.hpp"

#include <pybind11/stl.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace anagram {
namespace {

namespace py = pybind11;

// The memory of a row-major [n, m] array as the column-major view of its transpose [m, n].
template <class T> MatrixView<T> transposed(const TensorView &array) {
  const std::int64_t stride = array.shape(0) > 1 ? array.stride(0) : array.shape(1);
  return {array.data<T>(), array.shape(1), array.shape(0), stride};
}

template <class T>
HostFactorisation<T> factorise_array(const py::object &matrix, double relative, double absolute) {
  const TensorView j(matrix, "J");
  require(j, dtype_of<T>, {any_size, any_size}, Layout::rows);
  if (j.shape(0) == 0 || j.shape(1) == 0)
    throw std::invalid_argument("J: has no rows or no columns: " + j.describe());
  const py::gil_scoped_release no_gil;
  HostLinalg<T> linalg;
  return factorise<HostLinalg<T>>(linalg, transposed<T>(j), {relative, absolute});
}

// J whose row tiles come from the Python function `tile(i) -> [tile_rows[i], columns]`.
template <class T>
HostFactorisation<T>
factorise_python_tiles(const py::function &tile, std::vector<std::int64_t> tile_rows,
                       std::int64_t columns, double relative, double absolute) {
  std::optional<TensorView> current; // keeps the tile in use alive; touched with the GIL held
  const auto source = [&](std::int64_t i) {
    const py::gil_scoped_acquire gil;
    current.reset();
    current.emplace(tile(i), "tile");
    require(*current, dtype_of<T>, {any_size, any_size}, Layout::rows);
    return MatrixView<const T>(transposed<T>(*current));
  };
  HostLinalg<T> linalg;
  TiledJacobian<HostLinalg<T>> j(linalg, std::move(tile_rows), columns, source);
  const py::gil_scoped_release no_gil;
  return factorise_tiles(linalg, j, {relative, absolute});
}

// out [q, k] = r [q, S] U
template <class T>
void project(const HostFactorisation<T> &self, const py::object &r_array, const py::object &out) {
  const TensorView r(r_array, "r"), y(out, "out", Access::write);
  require(r, dtype_of<T>, {any_size, self.rows()});
  require(y, dtype_of<T>, {r.shape(0), self.rank()});
  const py::gil_scoped_release no_gil;
  checked_magnitude(MatrixView<const T>(transposed<T>(r)), "r");
  const BlasThreads one(1);
  HostLinalg<T> linalg;
  self.project(linalg, transposed<T>(r), transposed<T>(y));
}

// out [q, P] = y [q, k] V^T
template <class T>
void expand(const HostFactorisation<T> &self, const py::object &y_array, const py::object &out) {
  const TensorView y(y_array, "y"), x(out, "out", Access::write);
  require(y, dtype_of<T>, {any_size, self.rank()});
  require(x, dtype_of<T>, {y.shape(0), self.columns()});
  const py::gil_scoped_release no_gil;
  const BlasThreads one(1);
  HostLinalg<T> linalg;
  self.expand(linalg, transposed<T>(y), transposed<T>(x));
}

template <class T> void register_factorisation(py::module_ &module, const char *name) {
  using Class = HostFactorisation<T>;
  py::class_<Class>(module, name)
      .def(py::init(&factorise_array<T>), py::arg("J"), py::arg("relative") = 0.0,
           py::arg("absolute") = 0.0)
      .def_static("of_tiles", &factorise_python_tiles<T>, py::arg("tile"), py::arg("tile_rows"),
                  py::arg("columns"), py::arg("relative") = 0.0, py::arg("absolute") = 0.0)
      .def_property_readonly(
          "shape", [](const Class &self) { return py::make_tuple(self.rows(), self.columns()); })
      .def_property_readonly("method", [](const Class &self) { return self.method; })
      .def(
          "singular_values",
          [](const Class &self, const py::object &array) {
            const TensorView out(array, "out", Access::write);
            require(out, dtype_of<T>, {self.rank()});
            std::copy(self.singular_values.begin(), self.singular_values.end(), out.data<T>());
          },
          py::arg("out"))
      .def("__len__", [](const Class &self) { return self.rank(); })
      .def("project", &project<T>, py::arg("r"), py::arg("out"))
      .def("expand", &expand<T>, py::arg("y"), py::arg("out"));
}

// NonFiniteInput becomes anagram_ext.NonFiniteError, which Python defines.
void translate_non_finite(std::exception_ptr pointer) {
  try {
    std::rethrow_exception(pointer);
  } catch (const NonFiniteInput &error) {
    py::set_error(py::module_::import("anagram_ext.errors").attr("NonFiniteError"), error.what());
  }
}

} // namespace

void register_solver(py::module_ &module) {
  py::register_exception_translator([](std::exception_ptr pointer) {
    if (pointer)
      translate_non_finite(pointer);
  });
  register_factorisation<double>(module, "FactorisationF64");
  register_factorisation<float>(module, "FactorisationF32");
}

} // namespace anagram
