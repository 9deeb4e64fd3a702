// The dense operations of the factorisation algorithms on the host, by BLAS and LAPACK.
//
// csrc/include/anagram/solver holds the algorithms as templates over a class with this interface;
// another device joins by another such class.
#pragma once

#include "anagram/solver/matrix.hpp"
#include "anagram/solver/small_svd.hpp"
#include "cpu/solver/embedding.hpp"
#include "cpu/solver/growing_qr.hpp"
#include "cpu/solver/lapack.hpp"
#include "cpu/solver/magnitude.hpp"
#include "cpu/solver/path_choice.hpp"
#include "cpu/solver/reflectors.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace anagram {

template <class T> class HostLinalg {
public:
  using Scalar = T;
  using Matrix = HostMatrix<T>;
  using View = MatrixView<T>;
  using ConstView = MatrixView<const T>;
  using Reflectors = HostReflectors<T>;
  using GrowingQr = anagram::GrowingQr<T>;
  using Svd = SmallSvd<HostLinalg>;
  using Paths = HostPaths<T>;

  Matrix allocate(std::int64_t rows, std::int64_t columns) const { return {rows, columns}; }
  void require_free(std::int64_t) const {} // the system lends more than it has
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

  Matrix embedded(ConstView j_transposed, std::int64_t length) const {
    return anagram::embedded(j_transposed, length);
  }

  Reflectors qr(Matrix a) const { return Reflectors::of_qr(std::move(a)); } // rows >= columns
  Matrix upper_triangle(const Reflectors &q) const { return q.upper_triangle(); }
  void apply(const Reflectors &q, View c) const { q.apply(Transpose::no, c); }             // Q c
  void apply_transposed(const Reflectors &q, View c) const { q.apply(Transpose::yes, c); } // Q^T c

  Svd svd(Matrix square) const;
  Svd triangle_svd(const Reflectors &q) const { return svd(q.upper_triangle()); } // of R
  Svd tall_svd(Matrix a) const {                                                  // rows >= columns
    Reflectors reflectors = qr(std::move(a));
    Svd small = triangle_svd(reflectors);
    small.left.prepend(std::move(reflectors));
    return small;
  }
  GrowingQr growing_qr(std::int64_t rows, std::int64_t capacity) const { return {rows, capacity}; }

  // Of a^T. Throws NonFiniteInput naming `name` and the element, whose row counts from `first_row`.
  Magnitude checked_magnitude(ConstView a, const char *name, std::int64_t first_row = 0) const {
    return anagram::checked_magnitude(a, name, first_row);
  }

  // The same: there is nothing to wait for.
  struct Measured {
    Magnitude magnitude;
    Magnitude get() const { return magnitude; }
  };
  Measured measured(ConstView a, const char *name, std::int64_t first_row = 0) const {
    return {checked_magnitude(a, name, first_row)};
  }

  // BLAS threads while the result lives: our own pool splits products and long QRs. The SVD, which
  // it does not split, chooses for itself.
  BlasThreads threads_for_products() const { return BlasThreads(1); }
};

extern template class HostLinalg<double>;
extern template class HostLinalg<float>;

} // namespace anagram
