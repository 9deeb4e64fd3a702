// The factorisation on the emulated device gives what it gives on the host, by every path.
#include "fixture.hpp"

#include <utility>

using namespace fixture;

namespace {

// J [S, P] of `rank` terms, each `decay` times the one before, all times `scale`.
struct Case {
  const char *name;
  std::int64_t S, P, rank;
  double decay, scale;
  const char *method; // that the device chooses when J is stored
};

enum class How { stored, stored_for_cutoff, tiles };

template <class Linalg>
Factorisation<Linalg> factorised(Linalg &linalg, typename Linalg::ConstView jt, How how) {
  if (how == How::stored)
    return factorise(linalg, jt);
  if (how == How::stored_for_cutoff)
    return factorise(linalg, jt, Tolerance{1e-5, 0});
  const std::int64_t S = jt.columns, half = (S + 1) / 2;
  const std::vector<std::int64_t> rows =
      S > 1 ? std::vector<std::int64_t>{half, S - half} : std::vector<std::int64_t>{1};
  TiledJacobian<Linalg> tiles(linalg, rows, jt.rows, [&](std::int64_t i) {
    return jt.column_range(i * half, rows[static_cast<std::size_t>(i)]);
  });
  return factorise_tiles(linalg, tiles);
}

template <class T> double largest(const HostMatrix<T> &a) {
  double found = 0;
  for (std::int64_t i = 0; i < a.rows() * a.columns(); ++i)
    found = std::max(found, std::abs(static_cast<double>(a.view().data[i])));
  return found;
}

// |J (x - V V^T x)| / |J x| with V V^T x = V sigma^-1 U^T (J x), through both operations.
template <class T, class Linalg>
double reconstruction_error(Linalg &linalg, const Factorisation<Linalg> &f,
                            const HostMatrix<T> &jt) {
  const HostLinalg<T> host;
  HostMatrix<T> x = random<T>(jt.rows(), 2, 13), image(jt.columns(), 2), missed(jt.columns(), 2);
  host.multiply_transposed(jt.view(), x.view(), image.view());
  const auto r = moved_to(linalg, image);
  auto y = linalg.allocate(f.rank(), 2), back = linalg.allocate(f.columns(), 2);
  f.project(linalg, r.view(), y.view());
  linalg.divide_rows(y.view(), f.singular_values);
  f.expand(linalg, y.view(), back.view());
  const HostMatrix<T> found = on_host(back);
  for (std::int64_t i = 0; i < 2 * jt.rows(); ++i)
    x.view().data[i] -= found.view().data[i];
  host.multiply_transposed(jt.view(), x.view(), missed.view());
  return largest(missed) / std::max(largest(image), std::numeric_limits<double>::min());
}

// |J x - U sigma V^T x| / |J x|, by the other two.
template <class T, class Linalg>
double image_error(Linalg &linalg, const Factorisation<Linalg> &f, const HostMatrix<T> &jt) {
  const HostLinalg<T> host;
  const HostMatrix<T> x = random<T>(jt.rows(), 2, 14);
  HostMatrix<T> image(jt.columns(), 2);
  host.multiply_transposed(jt.view(), x.view(), image.view());
  const double size = largest(image);
  auto y = linalg.allocate(f.rank(), 2), pushed = linalg.allocate(f.rows(), 2);
  f.pull(linalg, moved_to(linalg, x).view(), y.view());
  HostMatrix<T> scaled = on_host(y);
  for (std::int64_t i = 0; i < f.rank(); ++i)
    for (std::int64_t j = 0; j < 2; ++j)
      scaled.view()(i, j) *= f.singular_values[static_cast<std::size_t>(i)];
  f.push(linalg, moved_to(linalg, scaled).view(), pushed.view());
  const HostMatrix<T> found = on_host(pushed);
  for (std::int64_t i = 0; i < 2 * jt.columns(); ++i)
    image.view().data[i] -= found.view().data[i];
  return largest(image) / std::max(size, std::numeric_limits<double>::min());
}

template <class T> void compare(const Case &c, How how) {
  const int failures = check::failures();
  HostMatrix<T> jt = low_rank<T>(c.P, c.S, c.rank, c.decay);
  for (std::int64_t i = 0; i < c.S * c.P; ++i)
    jt.view().data[i] *= static_cast<T>(c.scale);
  const DeviceMatrix<T> jt_ = upload<T>(jt.view());
  HostLinalg<T> host;
  DeviceLinalg<T> device(queue());
  const auto expected = factorised(host, std::as_const(jt).view(), how);
  const auto got = factorised(device, jt_.view(), how);

  CHECK(got.rows() == c.S && got.columns() == c.P);
  CHECK(got.method == std::string(how == How::tiles ? "adaptive" : c.method));
  // Either may leave out `allowed` |J|_F, which is at most sqrt(rank) sigma_1, or keep it.
  const double allowed = how == How::stored_for_cutoff ? 1e-5 : 16 * eps<T>();
  const double level = 2 * allowed * std::sqrt(static_cast<double>(c.rank));
  const double largest_sigma = static_cast<double>(expected.singular_values[0]);
  for (std::size_t i = 0; i < std::max(got.singular_values.size(), expected.singular_values.size());
       ++i) {
    const auto sigma = [i](const auto &all) {
      return i < all.size() ? static_cast<double>(all[i]) : 0.0;
    };
    CHECK_NEAR(sigma(got.singular_values), sigma(expected.singular_values), level * largest_sigma);
  }
  // Near the level singular vectors are wrong by order one; all of them add up here.
  CHECK(reconstruction_error(host, expected, jt) < 50 * level);
  CHECK(reconstruction_error(device, got, jt) < 50 * level);
  CHECK(image_error(host, expected, jt) < 50 * level);
  CHECK(image_error(device, got, jt) < 50 * level);
  if (check::failures() > failures)
    std::fprintf(stderr, "  %s\n", c.name);
}

// The host waits for the diagonal of each sketch, with which the norm of J arrives, and for the
// triangle: twice where one sketch does. Vectors that are known to be finite cost no wait.
void few_waits() {
  const HostMatrix<double> jt = low_rank<double>(300, 600, 90, 0.5), r = random<double>(600, 1, 7);
  const DeviceMatrix<double> jt_ = upload<double>(jt.view()), r_ = upload<double>(r.view());
  DeviceLinalg<double> device(queue());
  const std::int64_t before = emulated_cuda::waits();
  const auto f = factorise(device, jt_.view());
  CHECK(emulated_cuda::waits() - before == 2);
  auto y = device.allocate(f.rank(), 1), x = device.allocate(f.columns(), 1);
  f.project(device, r_.view(), y.view());
  device.divide_rows(y.view(), f.singular_values);
  f.expand(device, y.view(), x.view());
  CHECK(emulated_cuda::waits() - before == 2);
}

template <class T> void all() {
  const double tiny = sizeof(T) == 8 ? 1e-300 : 1e-36, huge = sizeof(T) == 8 ? 1e300 : 1e35;
  const Case cases[] = {
      {"tall and decaying", 300, 120, 90, 0.5, 1, "adaptive"},
      {"wide and decaying", 120, 300, 90, 0.5, 1, "adaptive"},
      {"square", 260, 260, 250, 0.3, 1, "adaptive"},
      {"many sketches", 300, 200, 190, 0.8, 1, "adaptive"},
      {"flat and wide", 90, 200, 90, 1.0, 1, "dense"},
      {"flat and tall", 200, 90, 90, 1.0, 1, "dense"},
      {"larger than the SVD on the host", 410, 400, 400, 1.0, 1, "dense"},
      {"small and wide", 20, 31, 20, 0.9, 1, "dense"},
      {"small and tall", 31, 20, 20, 0.9, 1, "dense"},
      {"a number", 1, 1, 1, 1.0, 1, "dense"},
      {"a row", 1, 40, 1, 1.0, 1, "dense"},
      {"a column", 40, 1, 1, 1.0, 1, "dense"},
      {"zero", 150, 80, 20, 0.5, 0, "adaptive"},
      {"small and zero", 10, 12, 5, 0.5, 0, "dense"},
      {"tiny numbers", 150, 80, 60, 0.5, tiny, "adaptive"},
      {"huge numbers", 80, 150, 60, 0.5, huge, "adaptive"},
      {"small with huge numbers", 30, 20, 20, 0.9, huge, "dense"},
  };
  for (const Case &c : cases)
    for (const How how : {How::stored, How::stored_for_cutoff, How::tiles})
      if (how != How::tiles || c.scale <= 1) // tiles are not scaled
        compare<T>(c, how);
}

// The same bits every time.
void deterministic() {
  const HostMatrix<double> jt = low_rank<double>(150, 90, 60, 0.7);
  DeviceLinalg<double> device(queue());
  const DeviceMatrix<double> jt_ = upload<double>(jt.view());
  CHECK(factorise(device, jt_.view()).singular_values ==
        factorise(device, jt_.view()).singular_values);
}

} // namespace

int main() {
  return run([] {
    all<double>();
    all<float>();
    deterministic();
    few_waits();
    CHECK(emulated_cuda::refusals() == 0);
    if (emulated_cuda::refusals() > 0)
      std::fprintf(stderr, "%s\n", emulated_cuda::last_refusal().c_str());
  });
}
