// factorise(J): input checks, scaling, and the choice of the path.
#pragma once

#include "anagram/solver/factorisation.hpp"
#include "cpu/linalg.hpp"

#include <stdexcept>

namespace anagram {

// J holds a NaN or an infinity. Raised before LAPACK sees it, which may not return from NaN.
class NonFiniteInput : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

template <class T> using HostFactorisation = Factorisation<HostLinalg<T>>;

// What may be missing of J, as a Frobenius norm: the larger of the two, and always a few units of
// round-off. Zero for both asks for everything above round-off, as objects that own their memory;
// otherwise the result refers to J, which must stay unchanged as long as it is used.
struct Tolerance {
  double relative = 0; // of the Frobenius norm of J
  double absolute = 0;
  bool is_zero() const { return relative == 0 && absolute == 0; }
};

// `j_transposed` is J^T [P, S], the memory of a row-major J, with S, P >= 1; not modified.
template <class T>
HostFactorisation<T> factorise(MatrixView<const T> j_transposed, const Tolerance &tolerance = {});

// Throws NonFiniteInput naming `name` and the position when r [q, S] is not finite.
template <class T> void require_finite(MatrixView<const T> r_transposed, const char *name);

extern template HostFactorisation<double> factorise(MatrixView<const double>, const Tolerance &);
extern template HostFactorisation<float> factorise(MatrixView<const float>, const Tolerance &);
extern template void require_finite(MatrixView<const double>, const char *);
extern template void require_finite(MatrixView<const float>, const char *);

} // namespace anagram
