// anagram_ext._cuda.Plan: the surface of anagram_ext._core.Plan, on CUDA tensors and a stream.
#include "register.hpp"

#include <memory>
#include <string>
#include <vector>

#include <pybind11/stl.h>

#include "bindings/gil.hpp"
#include "bindings/net_checks.hpp"
#include "cuda/engine/plan.hpp"
#include "queue.hpp"

namespace anagram::cuda {
namespace {

// All arguments must share the device of theta.
void check(const TensorView &view, const TensorView &theta,
           std::initializer_list<std::int64_t> shape, Layout layout = Layout::contiguous) {
  require(view, theta.dtype(), shape, layout, device_of(theta));
}

// The arguments that all sweeps share, checked: theta [P], points [n, d] or jets of features, seeds
// [C, K, m, n].
struct SweepArguments {
  const NetShape &net;
  TensorView theta, points, seeds;
  int64_t n, n_residuals;

  SweepArguments(const NetShape &net_, py::handle theta_, py::handle points_, py::handle seeds_)
      : net(net_), theta(theta_, "theta"), points(points_, input_name(net_)),
        seeds(seeds_, "seeds") {
    check(theta, theta, {net.n_parameters()});
    require_input(points, net, theta.dtype(), device_of(theta));
    n = points.shape(0);
    check(seeds, theta, {any_size, net.n_requested(), net.n_outputs(), n});
    n_residuals = seeds.shape(0);
  }
};

void jets(const Plan &plan, py::handle theta_, py::handle points_, py::handle out_,
          std::uintptr_t stream, bool many) {
  const NetShape &net = plan.shape();
  const TensorView theta(theta_, many ? "thetas" : "theta"), points(points_, input_name(net));
  const TensorView out(out_, "out", Access::write);
  if (many)
    check(theta, theta, {any_size, net.n_parameters()});
  else
    check(theta, theta, {net.n_parameters()});
  require_input(points, net, theta.dtype(), device_of(theta));
  const int64_t n = points.shape(0), q = many ? theta.shape(0) : 1;
  const int64_t k = net.n_requested(), m = net.n_outputs();
  if (many)
    check(out, theta, {q, k, m, n});
  else
    check(out, theta, {k, m, n});
  visit_dtype(theta, [&](auto zero) {
    using T = decltype(zero);
    const WithoutGil nogil;
    plan.jets(theta.data<T>(), q, points.data<T>(), n, out.data<T>(),
              queue(device_of(theta), stream));
  });
}

void jacobian(const Plan &plan, py::handle theta, py::handle points, py::handle seeds,
              py::handle j_, std::uintptr_t stream) {
  const SweepArguments in(plan.shape(), theta, points, seeds);
  const TensorView j(j_, "j", Access::write);
  check(j, in.theta, {in.n_residuals * in.n, in.net.n_parameters()}, Layout::rows);
  visit_dtype(in.theta, [&](auto zero) {
    using T = decltype(zero);
    const WithoutGil nogil;
    plan.jacobian(in.theta.data<T>(), in.points.data<T>(), in.n, in.seeds.data<T>(), in.n_residuals,
                  j.data<T>(), j.stride(0), queue(device_of(in.theta), stream));
  });
}

void vjp(const Plan &plan, py::handle theta, py::handle points, py::handle seeds, py::handle w_,
         py::handle out_, std::uintptr_t stream) {
  const SweepArguments in(plan.shape(), theta, points, seeds);
  const TensorView w(w_, "w"), out(out_, "out", Access::write);
  check(w, in.theta, {in.n_residuals * in.n});
  check(out, in.theta, {in.net.n_parameters()});
  visit_dtype(in.theta, [&](auto zero) {
    using T = decltype(zero);
    const WithoutGil nogil;
    plan.vjp(in.theta.data<T>(), in.points.data<T>(), in.n, in.seeds.data<T>(), in.n_residuals,
             w.data<T>(), out.data<T>(), queue(device_of(in.theta), stream));
  });
}

void jvp(const Plan &plan, py::handle theta, py::handle points, py::handle seeds, py::handle v_,
         py::handle out_, std::uintptr_t stream) {
  const SweepArguments in(plan.shape(), theta, points, seeds);
  const TensorView v(v_, "v"), out(out_, "out", Access::write);
  check(v, in.theta, {in.net.n_parameters()});
  check(out, in.theta, {in.n_residuals * in.n});
  visit_dtype(in.theta, [&](auto zero) {
    using T = decltype(zero);
    const WithoutGil nogil;
    plan.jvp(in.theta.data<T>(), in.points.data<T>(), in.n, in.seeds.data<T>(), in.n_residuals,
             v.data<T>(), out.data<T>(), queue(device_of(in.theta), stream));
  });
}

} // namespace

void register_plan(py::module_ &module) {
  using namespace py::literals;
  py::class_<Plan>(module, "Plan",
                   "Jets and residual Jacobian of one MLP for one set of derivatives.")
      .def(py::init([](const std::vector<int64_t> &widths, const std::string &activation,
                       const std::vector<Operator> &operators, bool mapped) {
             return std::make_unique<Plan>(
                 NetShape(widths, activation_from_name(activation), operators, mapped));
           }),
           "widths"_a, "activation"_a, "operators"_a, "mapped"_a = false)
      .def_property_readonly("n_parameters",
                             [](const Plan &plan) { return plan.shape().n_parameters(); })
      .def_property_readonly("n_components",
                             [](const Plan &plan) { return plan.shape().n_components(); })
      .def_property_readonly("slots",
                             [](const Plan &plan) { return plan.shape().basis().components(); })
      .def(
          "jets",
          [](const Plan &plan, py::handle theta, py::handle points, py::handle out,
             std::uintptr_t stream) { jets(plan, theta, points, out, stream, false); },
          "theta"_a, "points"_a, "out"_a, "stream"_a)
      .def(
          "jets_many",
          [](const Plan &plan, py::handle thetas, py::handle points, py::handle out,
             std::uintptr_t stream) { jets(plan, thetas, points, out, stream, true); },
          "thetas"_a, "points"_a, "out"_a, "stream"_a)
      .def("jacobian", &jacobian, "theta"_a, "points"_a, "seeds"_a, "j"_a, "stream"_a)
      .def("vjp", &vjp, "theta"_a, "points"_a, "seeds"_a, "w"_a, "out"_a, "stream"_a)
      .def("jvp", &jvp, "theta"_a, "points"_a, "seeds"_a, "v"_a, "out"_a, "stream"_a);
}

} // namespace anagram::cuda
