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

template <class T> struct FactoriseOptions {
  // What may be missing of J, relative to its Frobenius norm; at least a few units of round-off.
  double tolerance = 0;
  // The factorisation of a nearby matrix with as many columns, or null.
  const HostFactorisation<T> *previous = nullptr;
};

// `j_transposed` is J^T [P, S], the memory of a row-major J, with S, P >= 1; not modified.
template <class T>
HostFactorisation<T> factorise(MatrixView<const T> j_transposed,
                               const FactoriseOptions<T> &options = {});

// Throws NonFiniteInput naming `name` and the position when r [q, S] is not finite.
template <class T> void require_finite(MatrixView<const T> r_transposed, const char *name);

extern template HostFactorisation<double> factorise(MatrixView<const double>,
                                                    const FactoriseOptions<double> &);
extern template HostFactorisation<float> factorise(MatrixView<const float>,
                                                   const FactoriseOptions<float> &);
extern template void require_finite(MatrixView<const double>, const char *);
extern template void require_finite(MatrixView<const float>, const char *);

} // namespace anagram
