// DeviceLinalg gives what HostLinalg gives, operation by operation.
#include "fixture.hpp"

#include "cuda/solver/cholesky_qr.hpp"

using namespace fixture;
using anagram::cuda::CholeskyQr;

namespace {

// Both operands as views with gaps between their columns, as rows of a larger matrix.
template <class T> void products() {
  const DeviceLinalg<T> device(queue());
  const HostLinalg<T> host;
  for (const std::int64_t n : {1, 5}) {
    const HostMatrix<T> a = random<T>(9, 6, 1), b = random<T>(8, n, 2), c = random<T>(9, n, 3);
    const DeviceMatrix<T> a_ = upload<T>(a.view()), b_ = upload<T>(b.view());
    const auto compare = [&](auto operation) {
      HostMatrix<T> expected = host.copy(c.view());
      DeviceMatrix<T> got = upload<T>(c.view());
      operation(host, a.view(), b.view(), expected.view());
      operation(device, a_.view(), b_.view(), got.view());
      CHECK(distance(got, expected) < 20 * eps<T>());
    };
    using View = MatrixView<T>;
    using ConstView = MatrixView<const T>;
    compare([](const auto &linalg, ConstView x, ConstView y, View z) {
      linalg.multiply(x, y.row_range(1, 6), z);
    });
    compare([](const auto &linalg, ConstView x, ConstView y, View z) {
      linalg.multiply_add(x.row_range(2, 5), y.row_range(1, 6), z.row_range(3, 5));
    });
    compare([](const auto &linalg, ConstView x, ConstView y, View z) {
      linalg.multiply_transposed(x.row_range(1, 8), y, z.row_range(2, 6));
    });
    compare([](const auto &linalg, ConstView, ConstView, View z) {
      linalg.set_zero(z.row_range(2, 3));
      linalg.set_zero(z.row_range(9, 0));
    });
    compare([](const auto &linalg, ConstView, ConstView y, View z) {
      linalg.copy_into(y.row_range(2, 4), z.row_range(3, 4));
    });
    compare([](const auto &linalg, ConstView, ConstView, View z) {
      linalg.fill_random(z.row_range(1, 7), 5);
    });
    compare([](const auto &linalg, ConstView, ConstView, View z) {
      linalg.divide_rows(z.row_range(4, 3), {T(2), T(0), T(3)});
    });
  }
}

template <class T> void copies() {
  const DeviceLinalg<T> device(queue());
  const HostLinalg<T> host;
  const HostMatrix<T> a = random<T>(33, 21, 4);
  const DeviceMatrix<T> a_ = upload<T>(a.view());
  const auto part = a.view().row_range(3, 20), part_ = a_.view().row_range(3, 20);
  CHECK(distance(device.copy(part_), host.copy(part)) == 0);
  CHECK(distance(device.transposed_copy(part_), host.transposed_copy(part)) == 0);
  CHECK(distance(device.scaled_copy(part_, 0.25), host.scaled_copy(part, 0.25)) == 0);
}

template <class T> void householder() {
  const DeviceLinalg<T> device(queue());
  const HostLinalg<T> host;
  for (const std::int64_t n : {1, 7, 40}) {
    const HostMatrix<T> a = random<T>(40, n, 5), x = random<T>(40, 3, 6);
    const auto q = host.qr(host.copy(a.view()));
    const auto q_ = device.qr(upload<T>(a.view()));
    CHECK(q_.rows() == 40 && q_.columns() == n);
    CHECK(distance(device.upper_triangle(q_), host.upper_triangle(q)) < 40 * eps<T>());
    HostMatrix<T> y = host.copy(x.view());
    DeviceMatrix<T> y_ = upload<T>(x.view());
    host.apply_transposed(q, y.view());
    device.apply_transposed(q_, y_.view());
    CHECK(distance(y_, y) < 40 * eps<T>());
    device.apply(q_, y_.view());
    CHECK(distance(y_, x) < 40 * eps<T>()); // Q Q^T x
  }
}

template <class T> HostMatrix<T> identity(std::int64_t n) {
  HostMatrix<T> made(n, n);
  HostLinalg<T>().set_zero(made.view());
  for (std::int64_t i = 0; i < n; ++i)
    made.view()(i, i) = 1;
  return made;
}

// Three blocks of unequal width, the last one cut by form_q; dependent columns among them.
template <class T> void growing() {
  const std::int64_t rows = 100, block = GrowingQr<T>::block, columns = 2 * block + 10;
  const std::int64_t rank = columns - 8;
  const HostMatrix<T> a = low_rank<T>(rows, columns, rank, 0.9);
  const HostLinalg<T> host;
  const DeviceLinalg<T> device(queue());
  auto qr = host.growing_qr(rows, columns);
  auto qr_ = device.growing_qr(rows, columns);
  std::int64_t first = 0;
  for (const std::int64_t count : {block, block, std::int64_t{10}}) {
    const auto added = a.view().column_range(first, count);
    host.copy_into(added, qr.next(count));
    qr.append(count);
    const DeviceMatrix<T> added_ = upload<T>(added);
    device.copy_into(added_.view(), qr_.next(count));
    qr_.append(count);
    first += count;
  }
  CHECK(qr_.columns() == qr.columns());
  const double scale = qr.diagonal(0);
  for (std::int64_t j = 0; j < qr.columns(); ++j)
    CHECK_NEAR(qr_.diagonal(j), qr.diagonal(j), 100 * eps<T>() * scale);
  // Of dependent columns round-off is left: compare the columns before.
  CHECK(distance(qr_.form_q(rank), qr.form_q(rank)) < 1e5 * eps<T>());
  const std::int64_t kept = rank + 4;
  DeviceMatrix<T> q = qr_.form_q(kept), gram = device.allocate(kept, kept);
  device.multiply_transposed(q.view(), q.view(), gram.view());
  CHECK(distance(gram, identity<T>(kept)) < 50 * eps<T>());
}

// a = left diag(sigma) right^T to round-off, with the singular values that the host finds.
template <class T>
void check_svd(DeviceLinalg<T> &device, const HostMatrix<T> &a, SmallSvd<DeviceLinalg<T>> got) {
  const HostLinalg<T> host;
  const auto columns = [&](const OrthonormalBasis<DeviceLinalg<T>> &basis) {
    const DeviceMatrix<T> unit = upload<T>(identity<T>(basis.size()).view());
    DeviceMatrix<T> all = device.allocate(basis.length(), basis.size());
    basis.expand(device, unit.view(), all.view());
    return on_host(all);
  };
  const std::int64_t m = a.rows(), n = a.columns();
  const auto expected = host.tall_svd(host.copy(a.view()));
  CHECK(got.sigma.size() == expected.sigma.size());
  for (std::size_t i = 0; i < got.sigma.size(); ++i)
    CHECK_NEAR(got.sigma[i], expected.sigma[i], 20 * eps<T>() * expected.sigma[0]);
  HostMatrix<T> u = columns(got.left), v = columns(got.right);
  for (std::int64_t j = 0; j < n; ++j)
    for (std::int64_t i = 0; i < m; ++i)
      u.view()(i, j) *= got.sigma[static_cast<std::size_t>(j)];
  const HostMatrix<T> v_transposed = host.transposed_copy(v.view());
  HostMatrix<T> product(m, n);
  host.multiply(u.view(), v_transposed.view(), product.view());
  CHECK(distance<T>(product.view(), a.view()) < 50 * eps<T>());
  got.keep_above(static_cast<double>(got.sigma[0]) * 0.1);
  CHECK(got.left.size() == static_cast<std::int64_t>(got.sigma.size()));
}

template <class T> void svd() {
  DeviceLinalg<T> device(queue());
  for (const std::int64_t n : {1, 30}) {
    const HostMatrix<T> a = low_rank<T>(n, n, n, 0.5);
    check_svd(device, a, device.svd_on_host(upload<T>(a.view())));
    for (const bool polar : {false, true}) {
      DeviceMatrix<T> square = upload<T>(a.view());
      auto found =
          polar ? device.svd_by_polar(std::move(square)) : device.svd_on_device(std::move(square));
      CHECK(found.has_value());
      if (found)
        check_svd(device, a, std::move(*found));
    }
  }
}

// [m, n] with singular values that fall evenly from 1 to 1 / condition.
template <class T> HostMatrix<T> of_condition(std::int64_t m, std::int64_t n, double condition) {
  HostLinalg<T> host;
  const auto left = host.qr(random<T>(m, n, 11)), right = host.qr(random<T>(n, n, 12));
  HostMatrix<T> made(m, n), turned(n, n);
  host.set_zero(turned.view());
  for (std::int64_t i = 0; i < n; ++i)
    turned.view()(i, i) =
        static_cast<T>(std::pow(condition, -static_cast<double>(i) / static_cast<double>(n - 1)));
  host.apply(right, turned.view());
  const HostMatrix<T> transposed = host.transposed_copy(turned.view());
  host.set_zero(made.view());
  host.copy_into(transposed.view(), made.view().row_range(0, n));
  host.apply(left, made.view());
  return made;
}

// Q is orthonormal and Q R = a, to round-off.
template <class T>
void check_qr(const DeviceLinalg<T> &device, const CholeskyQr<T> &got, const HostMatrix<T> &a) {
  const std::int64_t m = a.rows(), n = a.columns();
  DeviceMatrix<T> gram = device.allocate(n, n), product = device.allocate(m, n);
  device.multiply_transposed(got.q.view(), got.q.view(), gram.view());
  CHECK(distance(gram, identity<T>(n)) < 20 * eps<T>());
  device.multiply(got.q.view(), got.r.view(), product.view());
  CHECK(distance(product, a) < 20 * eps<T>());
}

// Against LAPACK's QR and SVD, up to a condition at which a Gram matrix alone knows nothing any
// more. Beyond it Cholesky-QR has to be right all the same (two equal columns: it is) or to say
// that it is not, and reflectors take its place.
template <class T> void tall() {
  DeviceLinalg<T> device(queue());
  const double limit = sizeof(T) == 8 ? 1e14 : 1e5;
  int by_products = 0, by_reflectors = 0;
  const auto compare = [&](const HostMatrix<T> &a, double condition) {
    const DeviceMatrix<T> a_ = upload<T>(a.view());
    const CholeskyQr<T> qr(a_.view(), queue());
    const bool accurate = qr.is_accurate();
    CHECK(accurate || condition > limit);
    ++(accurate ? by_products : by_reflectors);
    if (accurate)
      check_qr(device, qr, a);
    check_svd(device, a, device.tall_svd(upload<T>(a.view())));
  };
  for (const double condition : {1.0, 1e3, 1e5, 1e7, 1e9, 1e11, 1e13, 1e14, 1e15, 1e16, 1e20})
    compare(of_condition<T>(300, 40, condition), condition);
  HostMatrix<T> a = random<T>(300, 40, 13);
  for (std::int64_t j = 0; j < 40; ++j) // lengths of columns do not matter
    for (std::int64_t i = 0; i < 300; ++i)
      a.view()(i, j) *= static_cast<T>(std::pow(2.0, sizeof(T) == 8 ? -2 * j : -j / 2));
  compare(a, 10);
  HostLinalg<T>().copy_into(a.view().column_range(3, 1), a.view().column_range(20, 1));
  compare(a, INFINITY);
  HostLinalg<T>().set_zero(a.view().column_range(7, 1));
  compare(a, INFINITY);
  CHECK(by_products >= 4 && by_reflectors >= 3);
}

template <class T> void magnitude() {
  const DeviceLinalg<T> device(queue());
  const HostLinalg<T> host;
  for (const auto &[rows, columns] : {std::pair<int, int>{1, 1}, {700, 301}, {3, 200}, {500, 1}}) {
    const HostMatrix<T> a = random<T>(rows + 2, columns, 7);
    const DeviceMatrix<T> a_ = upload<T>(a.view());
    const Magnitude got = device.checked_magnitude(a_.view().row_range(1, rows), "a");
    const Magnitude expected = host.checked_magnitude(a.view().row_range(1, rows), "a");
    CHECK(got.largest == expected.largest);
    CHECK_NEAR(got.sum_of_squares, expected.sum_of_squares,
               1000 * eps<T>() * expected.sum_of_squares);
  }
  CHECK(device.checked_magnitude(device.allocate(5, 0).view(), "a").largest == 0);
}

// A measure that was begun arrives by whatever waits next; one that nobody asks for leaves its
// memory behind only once it has arrived.
template <class T> void late_magnitude() {
  const DeviceLinalg<T> device(queue());
  const DeviceMatrix<T> a = upload<T>(random<T>(50, 20, 7).view());
  const DeviceMatrix<T> b = upload<T>(random<T>(30, 20, 8).view());
  const double expected = device.checked_magnitude(a.view(), "a").sum_of_squares;
  const auto first = device.measured(a.view(), "a");
  const double of_b = device.checked_magnitude(b.view(), "b").sum_of_squares;
  const std::int64_t before = emulated_cuda::waits();
  CHECK(first.get().sum_of_squares == expected);
  CHECK(emulated_cuda::waits() == before);
  CHECK(device.measured(a.view(), "a").get().sum_of_squares == expected); // nobody else waits
  CHECK(emulated_cuda::waits() == before + 1);
  {
    const auto dropped = device.measured(a.view(), "a");
  }
  CHECK(emulated_cuda::waits() == before + 2);
  CHECK(device.measured(b.view(), "b").get().sum_of_squares == of_b);
}

template <class T> void all() {
  products<T>();
  copies<T>();
  householder<T>();
  growing<T>();
  svd<T>();
  tall<T>();
  magnitude<T>();
  late_magnitude<T>();
}

} // namespace

int main() {
  return run([] {
    all<double>();
    all<float>();
    CHECK(emulated_cuda::refusals() == 0);
  });
}
