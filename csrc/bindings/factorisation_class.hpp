// The Python class of a factorisation, written once for both modules.
//
// A Backend says where arrays lie and what computes on them:
//   Linalg<T>, Place             the operations of a device; where work is put
//   device_of(view)              the device that this argument and all others must lie on
//   place(device, stream...)     with the last arguments of every Python call, if it has any
//   device(place), linalg<T>(place)
//   Range(name)                  names what happens while it lives, for a profiler
//   finish(work, owner)          after work on the memory of a factorisation that `owner` made
#pragma once

#include "anagram/solver/factorise.hpp"
#include "gil.hpp"
#include "tensor_checks.hpp"

#include <pybind11/stl.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace anagram {

// The memory of a row-major [n, m] array as the column-major view of its transpose [m, n].
template <class T> MatrixView<T> transposed(const TensorView &array) {
  const std::int64_t stride = array.shape(0) > 1 ? array.stride(0) : array.shape(1);
  return {array.data<T>(), array.shape(1), array.shape(0), stride};
}

template <class Backend, class T, class... Stream> struct FactorisationClass {
  using Linalg = typename Backend::template Linalg<T>;
  using Place = typename Backend::Place;

  using Value = Factorisation<Linalg>;

  Place place; // its memory belongs here
  Value value;

  static FactorisationClass of_array(const py::object &matrix, double relative, double absolute,
                                     Stream... stream) {
    const TensorView j(matrix, "J");
    const dlpack::Device device = Backend::device_of(j);
    require(j, dtype_of<T>, {any_size, any_size}, Layout::rows, device);
    if (j.shape(0) == 0 || j.shape(1) == 0)
      throw std::invalid_argument("J must have rows and columns, got " + j.describe());
    const WithoutGil no_gil;
    [[maybe_unused]] const typename Backend::Range range("anagram: factorise");
    const Place place = Backend::place(device, stream...);
    auto linalg = Backend::template linalg<T>(place);
    return {place, factorise<Linalg>(linalg, transposed<T>(j), {relative, absolute})};
  }

  // J whose row tiles come from the Python function `tile(i) -> [tile_rows[i], columns]`.
  static FactorisationClass of_tiles(const py::function &tile, std::vector<std::int64_t> tile_rows,
                                     std::int64_t columns, double relative, double absolute,
                                     Stream... stream) {
    if (tile_rows.empty())
      throw std::invalid_argument("tile_rows must hold at least one tile, got none");
    // Keeps the tile in use alive; touched with the GIL held. The first one says which device.
    std::optional<TensorView> current(std::in_place, tile(0), "tile");
    const dlpack::Device device = Backend::device_of(*current);
    bool is_first = true;
    const auto source = [&](std::int64_t i) {
      with_gil([&] {
        if (!std::exchange(is_first, false)) {
          current.reset();
          current.emplace(tile(i), "tile");
        }
        require(*current, dtype_of<T>, {any_size, any_size}, Layout::rows, device);
      });
      return MatrixView<const T>(transposed<T>(*current));
    };
    const WithoutGil no_gil;
    [[maybe_unused]] const typename Backend::Range range("anagram: factorise by tiles");
    const Place place = Backend::place(device, stream...);
    auto linalg = Backend::template linalg<T>(place);
    TiledJacobian<Linalg> j(linalg, std::move(tile_rows), columns, source);
    return {place, factorise_tiles(linalg, j, {relative, absolute})};
  }

  // out [q, k] = r [q, S] U. Vectors known to be finite are not looked at: a device that is asked
  // whether they are has to be waited for.
  void project(const py::object &r, const py::object &out, Stream... stream, bool finite) const {
    coefficients({r, "r"}, value.rows(), finite, &Value::project, out, stream...);
  }

  // out [q, k] = x [q, P] V
  void pull(const py::object &x, const py::object &out, Stream... stream) const {
    coefficients({x, "x"}, value.columns(), false, &Value::pull, out, stream...);
  }

  // out [q, P] = y [q, k] V^T
  void expand(const py::object &y, const py::object &out, Stream... stream) const {
    combinations(y, value.columns(), &Value::expand, out, stream...);
  }

  // out [q, S] = y [q, k] U^T
  void push(const py::object &y, const py::object &out, Stream... stream) const {
    combinations(y, value.rows(), &Value::push, out, stream...);
  }

  void singular_values(const py::object &array) const {
    const TensorView out(array, "out", Access::write); // on the CPU, whatever the device
    require(out, dtype_of<T>, {value.rank()});
    std::copy(value.singular_values.begin(), value.singular_values.end(), out.data<T>());
  }

private:
  using Operation = void (Value::*)(Linalg &, MatrixView<const T>, MatrixView<T>) const;

  // out [q, k] from vectors [q, length], which must be finite: coefficients in a basis.
  void coefficients(const TensorView &vectors, std::int64_t length, bool finite,
                    Operation operation, const py::object &out, Stream... stream) const {
    const TensorView y(out, "out", Access::write);
    check(vectors, length);
    check(y, value.rank(), vectors.shape(0));
    compute("anagram: coefficients in a basis", stream..., [&](Linalg &linalg) {
      if (!finite)
        linalg.checked_magnitude(transposed<T>(vectors), vectors.name().c_str());
      [[maybe_unused]] const auto threads = linalg.threads_for_products();
      (value.*operation)(linalg, transposed<T>(vectors), transposed<T>(y));
    });
  }

  // out [q, length] from y [q, k]: combinations of the vectors of a basis.
  void combinations(const py::object &y_array, std::int64_t length, Operation operation,
                    const py::object &out, Stream... stream) const {
    const TensorView y(y_array, "y"), x(out, "out", Access::write);
    check(y, value.rank());
    check(x, length, y.shape(0));
    compute("anagram: combinations of a basis", stream..., [&](Linalg &linalg) {
      [[maybe_unused]] const auto threads = linalg.threads_for_products();
      (value.*operation)(linalg, transposed<T>(y), transposed<T>(x));
    });
  }

  void check(const TensorView &view, std::int64_t columns, std::int64_t rows = any_size) const {
    require(view, dtype_of<T>, {rows, columns}, Layout::contiguous, Backend::device(place));
  }

  template <class Work> void compute(const char *name, Stream... stream, const Work &work) const {
    const WithoutGil no_gil;
    [[maybe_unused]] const typename Backend::Range range(name);
    const Place where = Backend::place(Backend::device(place), stream...);
    auto linalg = Backend::template linalg<T>(where);
    work(linalg);
    Backend::finish(where, place);
  }
};

// `stream` names the last argument of every call, where the backend has one.
template <class Backend, class T, class... Stream, class... Argument>
void register_factorisation(py::module_ &module, const char *name, const Argument &...stream) {
  static_assert(sizeof...(Stream) == sizeof...(Argument));
  using Class = FactorisationClass<Backend, T, Stream...>;
  py::class_<Class>(module, name)
      .def(py::init(&Class::of_array), py::arg("J"), py::arg("relative") = 0.0,
           py::arg("absolute") = 0.0, stream...)
      .def_static("of_tiles", &Class::of_tiles, py::arg("tile"), py::arg("tile_rows"),
                  py::arg("columns"), py::arg("relative") = 0.0, py::arg("absolute") = 0.0,
                  stream...)
      .def_property_readonly(
          "shape",
          [](const Class &self) { return py::make_tuple(self.value.rows(), self.value.columns()); })
      .def_property_readonly("method", [](const Class &self) { return self.value.method; })
      .def_property_readonly("searched", [](const Class &self) { return self.value.searched; })
      .def("singular_values", &Class::singular_values, py::arg("out"))
      .def("__len__", [](const Class &self) { return self.value.rank(); })
      .def("project", &Class::project, py::arg("r"), py::arg("out"), stream...,
           py::arg("finite") = false)
      .def("expand", &Class::expand, py::arg("y"), py::arg("out"), stream...)
      .def("pull", &Class::pull, py::arg("x"), py::arg("out"), stream...)
      .def("push", &Class::push, py::arg("y"), py::arg("out"), stream...);
}

// NonFiniteInput becomes anagram_ext.NonFiniteError, which Python defines.
inline void register_non_finite() {
  py::register_local_exception_translator([](std::exception_ptr pointer) {
    try {
      if (pointer)
        std::rethrow_exception(pointer);
    } catch (const NonFiniteInput &error) {
      py::set_error(py::module_::import("anagram_ext.errors").attr("NonFiniteError"), error.what());
    }
  });
}

} // namespace anagram
