// The dense operations of the factorisation algorithms on a CUDA device, by cuBLAS, cuSOLVER and a
// few kernels: the interface of cpu/solver/linalg.hpp, with views of device memory.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "anagram/solver/magnitude.hpp"
#include "anagram/solver/small_svd.hpp"
#include "cpu/solver/linalg.hpp"
#include "cuda/solver/growing_qr.hpp"
#include "cuda/solver/matrix.hpp"
#include "cuda/solver/measure.hpp"
#include "cuda/solver/path_choice.hpp"

namespace anagram::cuda {

// Householder reflectors of a QR factorisation.
template <class T> struct DeviceReflectors {
  DeviceMatrix<T> below_diagonal; // [m, n]; R on and above the diagonal
  DeviceMatrix<T> scales;         // factors tau [n, 1]
  int64_t rows() const { return below_diagonal.rows(); }
  int64_t columns() const { return below_diagonal.columns(); }
};

// Makes its device current for its life. Work goes to the queue in order; only small triangles with
// their singular values, diagonals and sums come to the host, and only these wait for the stream.
template <class T> class DeviceLinalg {
public:
  using Scalar = T;
  using Matrix = DeviceMatrix<T>;
  using View = MatrixView<T>;
  using ConstView = MatrixView<const T>;
  using Reflectors = DeviceReflectors<T>;
  using GrowingQr = cuda::GrowingQr<T>;
  using Svd = SmallSvd<DeviceLinalg>;
  using Paths = DevicePaths;

  explicit DeviceLinalg(const Queue &queue) : queue_(queue), guard_(queue) {}

  Matrix allocate(int64_t rows, int64_t columns) const { return {rows, columns, queue_}; }
  // Throws OutOfMemory before the work when so many numbers will not fit in its midst.
  void require_free(int64_t elements) const {
    cuda::require_free(elements * static_cast<int64_t>(sizeof(T)), queue_);
  }
  Matrix copy(ConstView a) const;
  Matrix transposed_copy(ConstView a) const;
  Matrix scaled_copy(ConstView a, double factor) const;
  void copy_into(ConstView from, View to) const { cuda::copy<T>(from, to, queue_); }
  void set_zero(View a) const { cuda::set_zero<T>(a, queue_); }
  void fill_random(View a, std::uint64_t seed) const;             // the numbers of the host
  void divide_rows(View a, const std::vector<T> &divisors) const; // rows with divisor 0 become 0

  void multiply(ConstView a, ConstView b, View c) const;            // c = a b
  void multiply_add(ConstView a, ConstView b, View c) const;        // c += a b
  void multiply_transposed(ConstView a, ConstView b, View c) const; // c = a^T b

  Reflectors qr(Matrix a) const; // rows >= columns
  Matrix upper_triangle(const Reflectors &reflectors) const;
  void apply(const Reflectors &reflectors, View c) const;            // c <- Q c
  void apply_transposed(const Reflectors &reflectors, View c) const; // c <- Q^T c

  Svd triangle_svd(const Reflectors &reflectors) const; // of R
  // Of tall a = Q R. By Cholesky-QR where a is much longer than wide and that is accurate.
  Svd tall_svd(Matrix a) const;
  Svd svd_on_host(const Matrix &square) const;           // waits for the stream
  std::optional<Svd> svd_by_polar(Matrix square) const;  // nothing: not accurate, no convergence
  std::optional<Svd> svd_on_device(Matrix square) const; // nothing: no convergence
  GrowingQr growing_qr(int64_t rows, int64_t capacity) const { return {rows, capacity, queue_}; }

  // Of a^T. Throws NonFiniteInput naming `name` and the element, whose row counts from `first_row`.
  Magnitude checked_magnitude(ConstView a, const char *name, int64_t first_row = 0) const {
    return measured(a, name, first_row).get();
  }
  // The same, for whoever has other work to do before it waits; `a` must stay until then.
  DeviceMeasured<T> measured(ConstView a, const char *name, int64_t first_row = 0) const {
    return {a, name, first_row, queue_};
  }

  // The host's BLAS has no part in this.
  struct NoThreads {};
  NoThreads threads_for_products() const { return {}; }

private:
  std::optional<Svd> tall_svd_by_products(const Matrix &a) const; // nothing: not accurate
  Svd square_svd(const std::function<Matrix()> &made) const;
  HostMatrix<T> on_host(const Matrix &square) const; // waits for the stream
  Svd svd_of(HostMatrix<T> square) const;

  Queue queue_;
  DeviceGuard guard_;
};

extern template class DeviceLinalg<double>;
extern template class DeviceLinalg<float>;

} // namespace anagram::cuda
