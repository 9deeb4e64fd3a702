#include "cuda/solver/cholesky_qr.hpp"

#include <limits>
#include <utility>
#include <vector>

#include "cuda/blas.hpp"
#include "cuda/kernels.hpp"
#include "cuda/runtime/range.hpp"
#include "cuda/solver/cusolver.hpp"
#include "cuda/solver/measure.hpp"
#include "cuda/solver/narrow.hpp"

namespace anagram::cuda {
namespace {

// The shift, in units of n round-offs of each diagonal element of the Gram matrix: a few roundings
// more than the elements are wrong by.
constexpr double shift_units = 4;

// |Q^T Q - 1|_F from which on one more pass makes Q orthonormal to round-off.
constexpr double most_deviation = 0.1;

} // namespace

template <class T>
CholeskyQr<T>::CholeskyQr(MatrixView<const T> a, const Queue &queue)
    : q(a.rows, a.columns, queue), queue_(queue) {
  const Range range("anagram: Cholesky-QR");
  const double eps = std::numeric_limits<T>::epsilon();
  copy<T>(a, q.view(), queue);
  DeviceMatrix<T> first = gram();
  const T shift = static_cast<T>(shift_units * eps * static_cast<double>(a.columns));
  launch_grid(device::AddToDiagonal<T>{first.view(), T(0), shift}, queue);
  r = divide_by_factor_of(std::move(first));
  multiply_r(divide_by_factor_of(gram()));
  DeviceMatrix<T> last = gram();
  deviation_ = deviation_of(last);
  multiply_r(divide_by_factor_of(std::move(last)));
}

// Q^T Q
template <class T> DeviceMatrix<T> CholeskyQr<T>::gram() const {
  const int m = narrow(q.rows()), n = narrow(q.columns());
  DeviceMatrix<T> product(n, n, queue_);
  const T *const q_ = q.view().data;
  Blas(queue_).gemm(true, false, n, n, m, q_, m, q_, m, false, product.view().data, n);
  return product;
}

// Sums of the size of gram - 1.
template <class T>
std::unique_ptr<Arriving<Magnitude>>
CholeskyQr<T>::deviation_of(const DeviceMatrix<T> &gram) const {
  DeviceMatrix<T> difference(gram.rows(), gram.columns(), queue_);
  copy<T>(gram.view(), difference.view(), queue_);
  launch_grid(device::AddToDiagonal<T>{difference.view(), T(-1), T(0)}, queue_);
  return sums_on_their_way<T>(std::as_const(difference).view(), queue_);
}

// Q <- Q F^-1 with F^T F = gram. Returns F; all of it, and so of Q, is NaN where there is none.
template <class T> DeviceMatrix<T> CholeskyQr<T>::divide_by_factor_of(DeviceMatrix<T> gram) {
  const int m = narrow(q.rows()), n = narrow(q.columns());
  DeviceMatrix<T> factor(n, n, queue_);
  const Buffer<int> info(1, queue_);
  Solver(queue_).potrf(gram.view(), info.data());
  launch_grid(device::CopyFactor<T>{std::as_const(gram).view(), info.data(), factor.view()},
              queue_);
  Blas(queue_).divide_by_triangle(m, n, std::as_const(factor).view().data, n, q.view().data, m);
  return factor;
}

// R <- F R
template <class T> void CholeskyQr<T>::multiply_r(const DeviceMatrix<T> &factor) {
  const int n = narrow(r.columns());
  DeviceMatrix<T> product(n, n, queue_);
  Blas(queue_).gemm(false, false, n, n, n, factor.view().data, n, std::as_const(r).view().data, n,
                    false, product.view().data, n);
  r = std::move(product);
}

template <class T> bool CholeskyQr<T>::is_accurate() const {
  Magnitude total;
  for (const Magnitude &sum : deviation_->get())
    total += sum;
  return total.sum_of_squares <= most_deviation * most_deviation; // false for NaN
}

template class CholeskyQr<double>;
template class CholeskyQr<float>;

} // namespace anagram::cuda
