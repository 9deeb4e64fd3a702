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

// `j_transposed` is J^T [P, S], the memory of a row-major J, with S, P >= 1; not modified.
template <class T> HostFactorisation<T> factorise(MatrixView<const T> j_transposed);

// Throws NonFiniteInput naming `name` and the position when r [q, S] is not finite.
template <class T> void require_finite(MatrixView<const T> r_transposed, const char *name);

extern template HostFactorisation<double> factorise(MatrixView<const double>);
extern template HostFactorisation<float> factorise(MatrixView<const float>);
extern template void require_finite(MatrixView<const double>, const char *);
extern template void require_finite(MatrixView<const float>, const char *);

} // namespace anagram
