#include "cuda/solver/linalg.hpp"

#include <algorithm>
#include <cmath>

#include "cpu/solver/linalg.hpp"
#include "cuda/blas.hpp"
#include "cuda/kernels.hpp"
#include "cuda/runtime/range.hpp"
#include "cuda/runtime/status.hpp"
#include "cuda/solver/cusolver.hpp"
#include "cuda/solver/narrow.hpp"

namespace anagram::cuda {
namespace {

// c = op(a) b or c += op(a) b
template <class T>
void product(Operation op, MatrixView<const T> a, MatrixView<const T> b, bool add, MatrixView<T> c,
             const Queue &queue) {
  if (c.rows == 0 || c.columns == 0)
    return;
  const Range range("anagram: product");
  const Blas blas(queue);
  const int lda = narrow(a.stride), ldb = narrow(b.stride), ldc = narrow(c.stride);
  if (c.columns == 1) // one vector: streams the matrix once
    blas.gemv(op == op_t, narrow(a.rows), narrow(a.columns), a.data, lda, b.data, add, c.data);
  else
    blas.gemm(op == op_t, false, narrow(c.rows), narrow(c.columns), narrow(b.rows), a.data, lda,
              b.data, ldb, add, c.data, ldc);
}

// A matrix for a kernel, which counts in 32 bits and adds up two sides at most.
template <class T> MatrixView<T> counted(MatrixView<T> a) {
  narrow(2 * a.rows);
  narrow(2 * a.columns);
  return a;
}

// Lanes that read a matrix together: the same number on every device, so that sums are the same.
// Each has one number on its way, so that it takes all lanes of a large device, 2 MB of them, to
// read as fast as its memory can (Little's law: 3 TB/s times 0.7 microseconds).
int parts_of(int64_t size) { return static_cast<int>(std::min<int64_t>(size, 1 << 18)); }

// Throws for the first element, in row-major order of a^T, that is NaN or infinite.
template <class T>
void require_finite(const device::Deal<T> &deal, const char *name, int64_t first_row,
                    const Queue &queue) {
  const Buffer<int64_t> first(deal.n_parts, queue);
  launch_grid(device::FindNonFinite<T>{deal, first.data()}, queue);
  int64_t number = -1;
  for (const int64_t each : read_back<int64_t>(first.data(), deal.n_parts, queue))
    if (each >= 0 && (number < 0 || each < number))
      number = each;
  if (number < 0)
    return;
  const int64_t i = number % deal.a.rows, row = number / deal.a.rows;
  const T value = read_back<T>(&deal.a(i, row), 1, queue).front();
  throw_non_finite(name, first_row + row, i, static_cast<double>(value));
}

} // namespace

template <class T> DeviceMatrix<T> DeviceLinalg<T>::copy(ConstView a) const {
  Matrix result = allocate(a.rows, a.columns);
  copy_into(a, result.view());
  return result;
}

template <class T> DeviceMatrix<T> DeviceLinalg<T>::transposed_copy(ConstView a) const {
  Matrix result = allocate(a.columns, a.rows);
  launch_grid(device::CopyTransposed<T>{a, counted(result.view())}, queue_);
  return result;
}

template <class T> DeviceMatrix<T> DeviceLinalg<T>::scaled_copy(ConstView a, double factor) const {
  Matrix result = allocate(a.rows, a.columns);
  launch_grid(device::CopyScaled<T>{a, static_cast<T>(factor), counted(result.view())}, queue_);
  return result;
}

template <class T> void DeviceLinalg<T>::fill_random(View a, std::uint64_t seed) const {
  launch_grid(device::FillRandom<T>{counted(a), seed}, queue_);
}

template <class T> void DeviceLinalg<T>::divide_rows(View a, const std::vector<T> &divisors) const {
  const Buffer<T> on_device(a.rows, queue_);
  write<T>(divisors.data(), a.rows, on_device.data(), queue_);
  launch_grid(device::DivideRows<T>{counted(a), on_device.data()}, queue_);
}

template <class T> void DeviceLinalg<T>::multiply(ConstView a, ConstView b, View c) const {
  product<T>(op_n, a, b, false, c, queue_);
}

template <class T> void DeviceLinalg<T>::multiply_add(ConstView a, ConstView b, View c) const {
  product<T>(op_n, a, b, true, c, queue_);
}

template <class T>
void DeviceLinalg<T>::multiply_transposed(ConstView a, ConstView b, View c) const {
  product<T>(op_t, a, b, false, c, queue_);
}

template <class T> DeviceReflectors<T> DeviceLinalg<T>::qr(Matrix a) const {
  const Range range("anagram: QR");
  Matrix scales = allocate(a.columns(), 1);
  Solver(queue_).geqrf(a.view(), scales.view().data);
  return {std::move(a), std::move(scales)};
}

template <class T>
DeviceMatrix<T> DeviceLinalg<T>::upper_triangle(const Reflectors &reflectors) const {
  Matrix triangle = allocate(reflectors.columns(), reflectors.columns());
  launch_grid(
      device::CopyUpperTriangle<T>{reflectors.below_diagonal.view(), counted(triangle.view())},
      queue_);
  return triangle;
}

template <class T> void DeviceLinalg<T>::apply(const Reflectors &reflectors, View c) const {
  if (c.columns > 0)
    Solver(queue_).ormqr<T>(op_n, reflectors.below_diagonal.view(), reflectors.scales.view().data,
                            c);
}

template <class T>
void DeviceLinalg<T>::apply_transposed(const Reflectors &reflectors, View c) const {
  if (c.columns > 0)
    Solver(queue_).ormqr<T>(op_t, reflectors.below_diagonal.view(), reflectors.scales.view().data,
                            c);
}

template <class T>
SmallSvd<DeviceLinalg<T>> DeviceLinalg<T>::triangle_svd(const Reflectors &reflectors) const {
  const Range range("anagram: SVD of the triangle");
  if (reflectors.columns() > Paths::largest_svd_on_host)
    if (auto found = svd_on_device(upper_triangle(reflectors)))
      return std::move(*found);
  return svd_on_host(upper_triangle(reflectors)); // made once more: cuSOLVER has used up the other
}

template <class T>
SmallSvd<DeviceLinalg<T>> DeviceLinalg<T>::svd_on_host(const Matrix &square) const {
  const int64_t n = square.columns();
  HostLinalg<T> host;
  HostMatrix<T> here(n, n), unit(n, n);
  const std::vector<T> numbers = read_back<T>(square.view().data, n * n, queue_);
  std::copy(numbers.begin(), numbers.end(), here.view().data);
  auto small = host.svd(std::move(here));
  host.set_zero(unit.view());
  for (int64_t i = 0; i < n; ++i)
    unit.view()(i, i) = T(1);
  const auto uploaded = [&](const OrthonormalBasis<HostLinalg<T>> &basis) { // its columns
    HostMatrix<T> columns(n, n);
    basis.expand(host, std::as_const(unit).view(), columns.view());
    Matrix result = allocate(n, n);
    write<T>(columns.view().data, n * n, result.view().data, queue_);
    return OrthonormalBasis<DeviceLinalg>(std::move(result));
  };
  return {uploaded(small.left), std::move(small.sigma), uploaded(small.right)};
}

template <class T>
std::optional<SmallSvd<DeviceLinalg<T>>> DeviceLinalg<T>::svd_on_device(Matrix square) const {
  const int64_t n = square.columns();
  Matrix u = allocate(n, n), v_transposed = allocate(n, n), sigma = allocate(n, 1);
  if (!Solver(queue_).gesvd(square.view(), u.view(), sigma.view().data, v_transposed.view()))
    return std::nullopt;
  // What was decomposed is used up: its memory takes V.
  launch_grid(device::CopyTransposed<T>{v_transposed.view(), counted(square.view())}, queue_);
  using Basis = OrthonormalBasis<DeviceLinalg>;
  return Svd{Basis(std::move(u)), read_back<T>(sigma.view().data, n, queue_),
             Basis(std::move(square))};
}

// Sums by parts, in rounds, until few enough are left to bring to the host.
template <class T>
DeviceMeasured<T>::DeviceMeasured(MatrixView<const T> a, const char *name, int64_t first_row,
                                  const Queue &queue)
    : queue_(queue), a_(a), name_(name), first_row_(first_row) {
  if (a.rows == 0 || a.columns == 0)
    return;
  const Range range("anagram: norm");
  constexpr int parts_a_sum = 128;
  int count = parts_of(a.rows * a.columns);
  Buffer<Magnitude> parts(count, queue);
  launch_grid(device::Measure<T>{{counted(a), count}, parts.data()}, queue);
  while (count > parts_a_sum) {
    const int n_sums = (count + parts_a_sum - 1) / parts_a_sum;
    Buffer<Magnitude> sums(n_sums, queue);
    launch_grid(device::CombineMagnitudes{parts.data(), count, sums.data(), n_sums}, queue);
    parts = std::move(sums);
    count = n_sums;
  }
  sums_ = std::make_unique<Arriving<Magnitude>>(parts.data(), count, queue);
}

template <class T> Magnitude DeviceMeasured<T>::get() const {
  Magnitude total;
  if (!sums_)
    return total;
  for (const Magnitude &sum : sums_->get())
    total += sum;
  if (!std::isfinite(total.sum_of_squares)) // or finite numbers whose squares overflow
    require_finite<T>({counted(a_), parts_of(a_.rows * a_.columns)}, name_, first_row_, queue_);
  return total;
}

template class DeviceMeasured<double>;
template class DeviceMeasured<float>;
template class DeviceLinalg<double>;
template class DeviceLinalg<float>;

} // namespace anagram::cuda
