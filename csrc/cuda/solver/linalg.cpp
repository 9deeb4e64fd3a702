#include "cuda/solver/linalg.hpp"

#include <algorithm>
#include <limits>

#include "cuda/blas.hpp"
#include "cuda/kernels.hpp"
#include "cuda/runtime/range.hpp"
#include "cuda/solver/cholesky_qr.hpp"
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
  return square_svd([&] { return upper_triangle(reflectors); });
}

// Small ones by the host's LAPACK. Others by the fastest of cuSOLVER's methods that is as accurate,
// and by the host where none of them converges. Each uses up the square that it is given.
template <class T>
SmallSvd<DeviceLinalg<T>> DeviceLinalg<T>::square_svd(const std::function<Matrix()> &made) const {
  Matrix square = made();
  if (square.columns() > Paths::largest_svd_on_host) {
    if (auto found = svd_by_polar(std::move(square)))
      return std::move(*found);
    if (auto found = svd_on_device(made()))
      return std::move(*found);
    square = made();
  }
  return svd_on_host(square);
}

template <class T> SmallSvd<DeviceLinalg<T>> DeviceLinalg<T>::tall_svd(Matrix a) const {
  if (Paths::cholesky_qr_pays(a.rows(), a.columns()))
    if (auto found = tall_svd_by_products(a))
      return std::move(*found);
  auto reflectors = qr(std::move(a));
  Svd small = triangle_svd(reflectors);
  small.left.prepend(std::move(reflectors));
  return small;
}

template <class T>
std::optional<SmallSvd<DeviceLinalg<T>>>
DeviceLinalg<T>::tall_svd_by_products(const Matrix &a) const {
  CholeskyQr<T> found(a.view(), queue_);
  const bool is_small = a.columns() <= Paths::largest_svd_on_host;
  // One wait for the triangle and for what says whether it is accurate.
  HostMatrix<T> triangle = is_small ? on_host(found.r) : HostMatrix<T>();
  if (!found.is_accurate())
    return std::nullopt;
  const Range range("anagram: SVD of the triangle");
  Svd small = is_small ? svd_of(std::move(triangle))
                       : square_svd([&] { return copy(std::as_const(found.r).view()); });
  small.left.prepend(std::move(found.q));
  return small;
}

template <class T> HostMatrix<T> DeviceLinalg<T>::on_host(const Matrix &square) const {
  const int64_t n = square.columns();
  HostMatrix<T> here(n, n);
  const std::vector<T> numbers = read_back<T>(square.view().data, n * n, queue_);
  std::copy(numbers.begin(), numbers.end(), here.view().data);
  return here;
}

template <class T>
SmallSvd<DeviceLinalg<T>> DeviceLinalg<T>::svd_on_host(const Matrix &square) const {
  return svd_of(on_host(square));
}

template <class T> SmallSvd<DeviceLinalg<T>> DeviceLinalg<T>::svd_of(HostMatrix<T> square) const {
  const int64_t n = square.columns();
  HostLinalg<T> host;
  HostMatrix<T> unit(n, n);
  auto small = host.svd(std::move(square));
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
std::optional<SmallSvd<DeviceLinalg<T>>> DeviceLinalg<T>::svd_by_polar(Matrix square) const {
  const int64_t n = square.columns();
  Matrix u = allocate(n, n), v = allocate(n, n), sigma = allocate(n, 1);
  double perturbation = 0;
  if (!Solver(queue_).gesvdp(square.view(), u.view(), sigma.view().data, v.view(), &perturbation))
    return std::nullopt;
  std::vector<T> values = read_back<T>(sigma.view().data, n, queue_);
  // As much as LAPACK's singular values are wrong by.
  constexpr double eps = std::numeric_limits<T>::epsilon(), most_perturbation = 16;
  if (!(perturbation <= most_perturbation * eps * static_cast<double>(values[0])))
    return std::nullopt;
  using Basis = OrthonormalBasis<DeviceLinalg>;
  return Svd{Basis(std::move(u)), std::move(values), Basis(std::move(v))};
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

template class DeviceLinalg<double>;
template class DeviceLinalg<float>;

} // namespace anagram::cuda
