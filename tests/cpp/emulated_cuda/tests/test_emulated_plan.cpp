// The CUDA engine on the emulated device gives what the CPU engine gives: allocation, copies,
// launches and cuBLAS calls included, for nets that fit shared memory and for those that do not.
#include "fixture.hpp"

#include "cpu/engine/plan.hpp"
#include "cuda/engine/plan.hpp"

using namespace fixture;

namespace {

using Vector = std::vector<double>;

Vector numbers(std::int64_t size, unsigned seed, double scale) {
  const HostMatrix<double> made = random<double>(size, 1, seed);
  Vector out(made.view().data, made.view().data + size);
  for (double &value : out)
    value *= scale;
  return out;
}

struct OnDevice {
  DeviceMatrix<double> memory;
  explicit OnDevice(const Vector &values)
      : memory(upload<double>(
            MatrixView<const double>{values.data(), static_cast<std::int64_t>(values.size()), 1,
                                     static_cast<std::int64_t>(values.size())})) {}
  double *data() { return memory.view().data; }
};

double distance(OnDevice &got, const Vector &expected) {
  const auto size = static_cast<std::int64_t>(expected.size());
  return fixture::distance<double>(download<double>(got.memory.view()).view(),
                                   {expected.data(), size, 1, size});
}

void agrees(const std::vector<std::int64_t> &widths, std::int64_t n, bool fused,
            bool mapped = false) {
  const std::vector<Operator> operators{{{{0, 0}, 1.0}}, {{{1, 0}, 1.0}}, {{{0, 2}, 1.0}}};
  const NetShape shape(widths, Activation::tanh, operators, mapped);
  const NetTables tables(shape);
  CHECK(fused == (fused_points(tables.view(), Task::rows, 8, n, cuda::limits(0)) > 0));
  CHECK((widths.size() <= 17) == packed(tables).has_value());
  const anagram::Plan host(shape);
  const anagram::cuda::Plan device(shape);
  const std::int64_t p = shape.n_parameters(), k = 3, residuals = 2, rows = residuals * n;
  const double scale = 0.5 / std::sqrt(static_cast<double>(widths[1]));
  const Vector theta = numbers(2 * p, 1, scale), inputs = numbers(shape.input_size() * n, 2, 1);
  const Vector seeds = numbers(residuals * k * n, 3, 1), w = numbers(rows, 4, 1);
  const Vector v = numbers(p, 5, 1);
  Vector jets(static_cast<std::size_t>(2 * k * n)),
      j(static_cast<std::size_t>(rows * (p + 2)), 7.0);
  Vector gradient = numbers(p, 6, 1), image(static_cast<std::size_t>(rows));
  OnDevice theta_(theta), inputs_(inputs), seeds_(seeds), w_(w), v_(v);
  OnDevice jets_(jets), j_(j), gradient_(gradient), image_(image);
  const auto poll = [] {};
  host.jets(theta.data(), 2, inputs.data(), n, jets.data(), poll);
  host.jacobian(theta.data(), inputs.data(), n, seeds.data(), residuals, j.data(), p + 2, poll);
  host.vjp(theta.data(), inputs.data(), n, seeds.data(), residuals, w.data(), gradient.data(),
           poll);
  host.jvp(theta.data(), inputs.data(), n, seeds.data(), residuals, v.data(), image.data(), poll);
  device.jets(theta_.data(), 2, inputs_.data(), n, jets_.data(), queue());
  device.jacobian(theta_.data(), inputs_.data(), n, seeds_.data(), residuals, j_.data(), p + 2,
                  queue());
  device.vjp(theta_.data(), inputs_.data(), n, seeds_.data(), residuals, w_.data(),
             gradient_.data(), queue());
  device.jvp(theta_.data(), inputs_.data(), n, seeds_.data(), residuals, v_.data(), image_.data(),
             queue());
  CHECK(distance(jets_, jets) < 1e-12);
  CHECK(distance(j_, j) < 1e-12);
  CHECK(distance(gradient_, gradient) < 1e-12);
  CHECK(distance(image_, image) < 1e-12);
}

} // namespace

int main() {
  return run([] {
    agrees({2, 16, 16, 1}, 301, true); // tiles in shared memory
    agrees({2, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 1}, 40, true); // too deep to pack
    agrees({2, 700, 600, 1}, 5, false);                                       // large products
    agrees({5, 16, 16, 1}, 301, true, true);
    agrees({5, 700, 600, 1}, 5, false, true);
    CHECK(emulated_cuda::refusals() == 0);
  });
}
