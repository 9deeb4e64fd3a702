// The factorisation paths on the host, without Python: what the sanitizers see of the solver.
#include "check.hpp"

#include "cpu/kernels.hpp"
#include "cpu/pool.hpp"
#include "cpu/solver/factorise.hpp"
#include "cpu/solver/lapack.hpp"
#include "cpu/solver/magnitude.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

using namespace anagram;

namespace {

// J^T [P, S] of rank `rank` with values decaying by `decay` from one rank-one term to the next.
HostMatrix<double> low_rank(std::int64_t S, std::int64_t P, std::int64_t rank, double decay) {
  const HostLinalg<double> linalg;
  HostMatrix<double> columns = linalg.allocate(P, rank), rows = linalg.allocate(rank, S);
  linalg.fill_random(columns.view(), 101);
  linalg.fill_random(rows.view(), 102);
  for (std::int64_t j = 0; j < S; ++j) {
    double factor = 1;
    for (std::int64_t i = 0; i < rank; ++i, factor *= decay)
      rows.view()(i, j) *= factor;
  }
  HostMatrix<double> product = linalg.allocate(P, S);
  linalg.multiply(columns.view(), rows.view(), product.view());
  return product;
}

double norm(MatrixView<const double> a) {
  return std::sqrt(checked_magnitude(a, "a").sum_of_squares);
}

// |J x - U sigma V^T x| / |J x| for a random x [P, 1], applied through both operations.
double reconstruction_error(const HostFactorisation<double> &f, MatrixView<const double> jt) {
  HostLinalg<double> linalg;
  HostMatrix<double> x = linalg.allocate(jt.rows, 1), image = linalg.allocate(jt.columns, 1);
  linalg.fill_random(x.view(), 103);
  linalg.multiply_transposed(jt, x.view(), image.view()); // J x
  const double size = norm(image.view());
  HostMatrix<double> y = linalg.allocate(f.rank(), 1), back = linalg.allocate(jt.rows, 1);
  f.project(linalg, image.view(), y.view()); // U^T J x = sigma V^T x
  linalg.divide_rows(y.view(), f.singular_values);
  f.expand(linalg, y.view(), back.view()); // V V^T x
  HostMatrix<double> again = linalg.allocate(jt.columns, 1);
  linalg.multiply_transposed(jt, back.view(), again.view()); // J V V^T x
  for (std::int64_t i = 0; i < jt.columns; ++i)
    image.view()(i, 0) -= again.view()(i, 0);
  return norm(image.view()) / size;
}

// |J x - U sigma V^T x| / |J x| for a random x [P, 1], by the other two.
double image_error(const HostFactorisation<double> &f, MatrixView<const double> jt) {
  HostLinalg<double> linalg;
  HostMatrix<double> x = linalg.allocate(jt.rows, 1), image = linalg.allocate(jt.columns, 1);
  linalg.fill_random(x.view(), 105);
  linalg.multiply_transposed(jt, x.view(), image.view());
  const double size = norm(image.view());
  HostMatrix<double> y = linalg.allocate(f.rank(), 1), found = linalg.allocate(jt.columns, 1);
  f.pull(linalg, x.view(), y.view());
  for (std::int64_t i = 0; i < f.rank(); ++i)
    y.view()(i, 0) *= f.singular_values[static_cast<std::size_t>(i)];
  f.push(linalg, y.view(), found.view());
  for (std::int64_t i = 0; i < jt.columns; ++i)
    image.view()(i, 0) -= found.view()(i, 0);
  return norm(image.view()) / size;
}

HostFactorisation<double> factorise_on_host(MatrixView<const double> jt, Tolerance tolerance = {}) {
  HostLinalg<double> linalg;
  return factorise(linalg, jt, tolerance);
}

void check_paths(std::int64_t S, std::int64_t P) {
  const HostMatrix<double> low = low_rank(S, P, 20, 0.5), full = low_rank(S, P, 200, 0.999);
  const auto adaptive = factorise_on_host(low.view());
  CHECK(adaptive.method == std::string("adaptive"));
  CHECK(adaptive.rank() == 20);
  CHECK(reconstruction_error(adaptive, low.view()) < 1e-12);
  CHECK(image_error(adaptive, low.view()) < 1e-12);

  const auto for_cutoff = factorise_on_host(low.view(), Tolerance{1e-8, 0});
  CHECK(!for_cutoff.left || !for_cutoff.right);
  CHECK(reconstruction_error(for_cutoff, low.view()) < 1e-7);
  CHECK(image_error(for_cutoff, low.view()) < 1e-7);
  CHECK_NEAR(for_cutoff.singular_values[0], adaptive.singular_values[0],
             1e-13 * adaptive.singular_values[0]);

  const auto dense = factorise_on_host(full.view());
  CHECK(dense.method == std::string("dense"));
  CHECK(dense.rank() == std::min(S, P));
  CHECK(reconstruction_error(dense, full.view()) < 1e-12);
  CHECK(image_error(dense, full.view()) < 1e-12);
}

// The embedding of unit vectors is Omega itself, that of J the product with it.
template <class T> void check_embedding(std::int64_t S, std::int64_t P, double tolerance) {
  constexpr std::int64_t length = 136, blocks = 8, width = length / blocks;
  const HostLinalg<T> linalg;
  const bool more_rows = S >= P;
  const std::int64_t longer = std::max(S, P);
  HostMatrix<T> identity(longer, longer), jt(P, S);
  linalg.set_zero(identity.view());
  for (std::int64_t i = 0; i < longer; ++i)
    identity.view()(i, i) = 1;
  const HostMatrix<T> omega_transposed = linalg.transposed_copy(
      MatrixView<const T>(linalg.embedded(identity.view(), length).view())); // [length, longer]
  const MatrixView<const T> omega = omega_transposed.view();
  for (std::int64_t i = 0; i < longer; ++i)
    for (std::int64_t b = 0; b < blocks; ++b) {
      double sum_of_squares = 0;
      std::int64_t entries = 0;
      for (std::int64_t k = b * width; k < (b + 1) * width; ++k) {
        entries += omega(k, i) != 0;
        sum_of_squares += static_cast<double>(omega(k, i)) * static_cast<double>(omega(k, i));
      }
      CHECK(entries == 1);
      CHECK_NEAR(sum_of_squares, 1.0 / blocks, tolerance);
    }

  // Nothing of half as many unit vectors as there are rows is lost.
  const auto few = omega.column_range(0, length / 2);
  CHECK(linalg.svd(linalg.upper_triangle(linalg.qr(linalg.copy(few)))).sigma.back() > T(0.2));

  linalg.fill_random(jt.view(), 104);
  const HostMatrix<T> found = linalg.embedded(jt.view(), length);
  HostMatrix<T> expected(more_rows ? P : length, more_rows ? length : S);
  if (more_rows) // J^T Omega^T
    linalg.multiply(jt.view(), linalg.transposed_copy(omega).view(), expected.view());
  else // Omega J^T
    linalg.multiply(omega, jt.view(), expected.view());
  double distance = 0;
  for (std::int64_t j = 0; j < expected.columns(); ++j)
    for (std::int64_t i = 0; i < expected.rows(); ++i)
      distance = std::max(distance, std::abs(static_cast<double>(found.view()(i, j)) -
                                             static_cast<double>(expected.view()(i, j))));
  CHECK(found.rows() == expected.rows() && found.columns() == expected.columns());
  CHECK(distance < tolerance);
}

void check_embeddings() {
  const std::string best = isa_name();
  for (const char *isa : {"base", best.c_str()}) {
    CHECK(select_isa(isa));
    check_embedding<double>(500, 37, 1e-13);
    check_embedding<double>(37, 500, 1e-13);
    check_embedding<double>(420, 64, 1e-13);
    check_embedding<float>(500, 37, 1e-5);
    check_embedding<float>(33, 450, 1e-5);
  }
}

void check_tiles(std::int64_t S, std::int64_t P) {
  const HostMatrix<double> low = low_rank(S, P, 20, 0.5);
  const std::vector<std::int64_t> tile_rows = {S / 3, S - S / 3};
  HostLinalg<double> linalg;
  TiledJacobian<HostLinalg<double>> tiles(linalg, tile_rows, P, [&](std::int64_t i) {
    return low.view().column_range(i == 0 ? 0 : S / 3, tile_rows[static_cast<std::size_t>(i)]);
  });
  const auto streamed = factorise_tiles(linalg, tiles);
  CHECK(streamed.rank() == 20);
  CHECK(reconstruction_error(streamed, low.view()) < 1e-12);
  CHECK(image_error(streamed, low.view()) < 1e-12);
}

// Low rank: products by strips. Full rank of a long matrix: a QR by strips, then an SVD.
void check_threads_agree() {
  const HostMatrix<double> low = low_rank(1500, 700, 40, 0.6),
                           full = low_rank(3000, 200, 200, 0.999);
  for (const HostMatrix<double> *matrix : {&low, &full}) {
    set_num_threads(1);
    const auto one = factorise_on_host(matrix->view());
    CHECK(reconstruction_error(one, matrix->view()) < 1e-11);
    set_num_threads(3);
    const auto three = factorise_on_host(matrix->view());
    CHECK(one.method == three.method);
    CHECK(one.singular_values == three.singular_values);
  }
}

void check_non_finite() {
  HostMatrix<double> bad = low_rank(60, 70, 5, 0.5);
  bad.view()(3, 59) = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS(factorise_on_host(bad.view()), NonFiniteInput);
  bad.view()(3, 59) = std::numeric_limits<double>::max(); // finite, though its square is not
  CHECK(factorise_on_host(bad.view()).rank() >= 1);
}

} // namespace

int main() {
  const char *library = std::getenv("ANAGRAM_TEST_LAPACK");
  CHECK(library && *library);
  if (!library || !*library)
    return check::exit_status();
  const bool of_scipy = std::string(library).find("libscipy_openblas") != std::string::npos;
  CHECK(bind_lapack_library("test", library, of_scipy ? "scipy_" : "").empty());

  check_paths(300, 120);
  check_paths(120, 300);
  check_embeddings();
  check_tiles(300, 120);
  check_tiles(120, 300);
  check_threads_agree();
  check_non_finite();
  return check::exit_status();
}
