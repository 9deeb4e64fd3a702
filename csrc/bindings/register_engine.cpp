// anagram_ext._core.Plan and the settings of the CPU engine.
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <pybind11/stl.h>

#include "cpu/engine/plan.hpp"
#include "cpu/kernels.hpp"
#include "cpu/pool.hpp"
#include "gil.hpp"
#include "net_checks.hpp"
#include "register.hpp"

namespace anagram {
namespace {

// Lets Ctrl-C stop a long sweep: looks for a pending signal between tiles, a few times a second.
class SignalPoll {
public:
  void operator()() {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_)
      return;
    next_ = now + std::chrono::milliseconds(200);
    throw_if_interpreter_ends();
    with_gil([] {
      if (PyErr_CheckSignals() != 0)
        throw py::error_already_set();
    });
  }

private:
  std::chrono::steady_clock::time_point next_ =
      std::chrono::steady_clock::now() + std::chrono::milliseconds(200);
};

// The arguments that all sweeps share, checked: theta [P], points [n, d] or jets of features, seeds
// [C, K, m, n].
struct SweepArguments {
  const NetShape &net;
  TensorView theta, points, seeds;
  int64_t n, n_residuals;

  SweepArguments(const NetShape &net_, py::handle theta_, py::handle points_, py::handle seeds_)
      : net(net_), theta(theta_, "theta"), points(points_, input_name(net_)),
        seeds(seeds_, "seeds") {
    require(theta, theta.dtype(), {net.n_parameters()});
    require_input(points, net, theta.dtype());
    n = points.shape(0);
    require(seeds, theta.dtype(), {any_size, net.n_requested(), net.n_outputs(), n});
    n_residuals = seeds.shape(0);
  }
};

void jets(const Plan &plan, py::handle theta_, py::handle points_, py::handle out_, bool many) {
  const NetShape &net = plan.shape();
  const TensorView theta(theta_, many ? "thetas" : "theta"), points(points_, input_name(net));
  const TensorView out(out_, "out", Access::write);
  if (many)
    require(theta, theta.dtype(), {any_size, net.n_parameters()});
  else
    require(theta, theta.dtype(), {net.n_parameters()});
  require_input(points, net, theta.dtype());
  const int64_t n = points.shape(0), q = many ? theta.shape(0) : 1;
  const int64_t k = net.n_requested(), m = net.n_outputs();
  if (many)
    require(out, theta.dtype(), {q, k, m, n});
  else
    require(out, theta.dtype(), {k, m, n});
  visit_dtype(theta, [&](auto zero) {
    using T = decltype(zero);
    const WithoutGil nogil;
    plan.jets(theta.data<T>(), q, points.data<T>(), n, out.data<T>(), SignalPoll());
  });
}

void jacobian(const Plan &plan, py::handle theta, py::handle points, py::handle seeds,
              py::handle j_, py::handle jets_) {
  const SweepArguments in(plan.shape(), theta, points, seeds);
  const TensorView j(j_, "j", Access::write);
  require(j, in.theta.dtype(), {in.n_residuals * in.n, in.net.n_parameters()}, Layout::rows);
  std::optional<TensorView> jets;
  if (!jets_.is_none()) {
    jets.emplace(jets_, "jets", Access::write);
    require(*jets, in.theta.dtype(), {in.net.n_requested(), in.net.n_outputs(), in.n});
  }
  visit_dtype(in.theta, [&](auto zero) {
    using T = decltype(zero);
    const WithoutGil nogil;
    plan.jacobian_and_jets(in.theta.data<T>(), in.points.data<T>(), in.n, in.seeds.data<T>(),
                           in.n_residuals, j.data<T>(), j.stride(0),
                           jets ? jets->data<T>() : nullptr, SignalPoll());
  });
}

void vjp(const Plan &plan, py::handle theta, py::handle points, py::handle seeds, py::handle w_,
         py::handle out_) {
  const SweepArguments in(plan.shape(), theta, points, seeds);
  const TensorView w(w_, "w"), out(out_, "out", Access::write);
  require(w, in.theta.dtype(), {in.n_residuals * in.n});
  require(out, in.theta.dtype(), {in.net.n_parameters()});
  visit_dtype(in.theta, [&](auto zero) {
    using T = decltype(zero);
    const WithoutGil nogil;
    plan.vjp(in.theta.data<T>(), in.points.data<T>(), in.n, in.seeds.data<T>(), in.n_residuals,
             w.data<T>(), out.data<T>(), SignalPoll());
  });
}

void jvp(const Plan &plan, py::handle theta, py::handle points, py::handle seeds, py::handle v_,
         py::handle out_) {
  const SweepArguments in(plan.shape(), theta, points, seeds);
  const TensorView v(v_, "v"), out(out_, "out", Access::write);
  require(v, in.theta.dtype(), {in.net.n_parameters()});
  require(out, in.theta.dtype(), {in.n_residuals * in.n});
  visit_dtype(in.theta, [&](auto zero) {
    using T = decltype(zero);
    const WithoutGil nogil;
    plan.jvp(in.theta.data<T>(), in.points.data<T>(), in.n, in.seeds.data<T>(), in.n_residuals,
             v.data<T>(), out.data<T>(), SignalPoll());
  });
}

} // namespace

void register_engine(py::module_ &module) {
  using namespace py::literals;
  py::class_<Plan>(module, "Plan",
                   "Jets and residual Jacobian of one MLP for one set of derivatives.")
      .def(py::init([](const std::vector<int64_t> &widths, const std::string &activation,
                       const std::vector<Operator> &operators, bool mapped) {
             return Plan(NetShape(widths, activation_from_name(activation), operators, mapped));
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
          [](const Plan &plan, py::handle theta, py::handle points, py::handle out) {
            jets(plan, theta, points, out, false);
          },
          "theta"_a, "points"_a, "out"_a)
      .def(
          "jets_many",
          [](const Plan &plan, py::handle thetas, py::handle points, py::handle out) {
            jets(plan, thetas, points, out, true);
          },
          "thetas"_a, "points"_a, "out"_a)
      .def("jacobian", &jacobian, "theta"_a, "points"_a, "seeds"_a, "j"_a, "jets"_a = py::none())
      .def("vjp", &vjp, "theta"_a, "points"_a, "seeds"_a, "w"_a, "out"_a)
      .def("jvp", &jvp, "theta"_a, "points"_a, "seeds"_a, "v"_a, "out"_a);
  module.def("set_num_threads", &set_num_threads, "n"_a);
  module.def("get_num_threads", &num_threads);
  module.def("isa", &isa_name);
  module.def(
      "select_isa", [](const std::string &name) { return select_isa(name.c_str()); }, "name"_a);
}

} // namespace anagram
