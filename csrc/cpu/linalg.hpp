// The dense operations of the factorisation algorithms on the host, by BLAS and LAPACK.
//
// csrc/include/anagram/solver holds the algorithms as templates over a class with this interface;
// another device joins by another such class.
#pragma once

#include "anagram/solver/matrix.hpp"
#include "anagram/solver/small_svd.hpp"
#include "cpu/growing_qr.hpp"
#include "cpu/lapack.hpp"
#include "cpu/magnitude.hpp"
#include "cpu/path_choice.hpp"

#include <cstdint>
#include <vector>

namespace anagram {

// Householder reflectors of a QR factorisation in blocked (compact WY) form: the triangular factors
// are stored, so that applying Q to one vector costs two passes over the reflectors and no more.
template <class T> struct HostReflectors {
  HostMatrix<T> below_diagonal; // [m, n]; R on and above the diagonal
  HostMatrix<T> triangles;      // [block, n]
  std::int64_t rows() const { return below_diagonal.rows(); }
  std::int64_t columns() const { return below_diagonal.columns(); }
};

template <class T> class HostLinalg {
public:
  using Scalar = T;
  using Matrix = HostMatrix<T>;
  using View = MatrixView<T>;
  using ConstView = MatrixView<const T>;
  using Reflectors = HostReflectors<T>;
  using GrowingQr = anagram::GrowingQr<T>;
  using Svd = SmallSvd<T, Matrix>;
  using Paths = HostPaths<T>;

  Matrix allocate(std::int64_t rows, std::int64_t columns) const { return {rows, columns}; }
  Matrix copy(ConstView a) const;
  Matrix transposed_copy(ConstView a) const;
  Matrix scaled_copy(ConstView a, double factor) const;
  void copy_into(ConstView from, View to) const;
  void set_zero(View a) const;
  void fill_random(View a, std::uint64_t seed) const; // mean 0, variance 1, the same everywhere
  void divide_rows(View a, const std::vector<T> &divisors) const; // rows with divisor 0 become 0

  void multiply(ConstView a, ConstView b, View c) const;            // c = a b
  void multiply_add(ConstView a, ConstView b, View c) const;        // c += a b
  void multiply_transposed(ConstView a, ConstView b, View c) const; // c = a^T b

  Reflectors qr(Matrix a) const; // rows >= columns
  Matrix upper_triangle(const Reflectors &reflectors) const;
  void apply(const Reflectors &reflectors, View c) const;            // c <- Q c
  void apply_transposed(const Reflectors &reflectors, View c) const; // c <- Q^T c

  Svd svd(Matrix square) const;
  GrowingQr growing_qr(std::int64_t rows, std::int64_t capacity) const { return {rows, capacity}; }

  // Of a^T. Throws NonFiniteInput naming `name` and the element, whose row counts from `first_row`.
  Magnitude checked_magnitude(ConstView a, const char *name, std::int64_t first_row = 0) const {
    return anagram::checked_magnitude(a, name, first_row);
  }

  // BLAS threads while the result lives: our own pool splits the products, but not the dense path.
  BlasThreads threads_for_products() const { return BlasThreads(1); }
  BlasThreads threads_for_dense(std::int64_t side) const {
    return BlasThreads(BlasThreads::for_factorisation_of(side));
  }
};

extern template class HostLinalg<double>;
extern template class HostLinalg<float>;

} // namespace anagram
