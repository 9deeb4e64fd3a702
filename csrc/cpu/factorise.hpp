// factorise(J): input checks, scaling, and the choice of the path.
#pragma once

#include "anagram/solver/adaptive.hpp"
#include "anagram/solver/factorisation.hpp"
#include "cpu/linalg.hpp"
#include "cpu/tiled_jacobian.hpp"

namespace anagram {

template <class T> using HostFactorisation = Factorisation<HostLinalg<T>>;

// `j_transposed` is J^T [P, S], the memory of a row-major J, with S, P >= 1; not modified. A few
// units of round-off are always tolerated. With a zero tolerance the result owns its memory;
// otherwise it refers to J, which must stay unchanged as long as it is used.
template <class T>
HostFactorisation<T> factorise(MatrixView<const T> j_transposed, const Tolerance &tolerance = {});

// The same for J that is made tile by tile and never stored; the result owns its memory. There is
// no dense path: throws std::length_error when the rank is too high for it.
template <class T>
HostFactorisation<T> factorise_tiles(TiledJacobian<T> &j, const Tolerance &tolerance = {});

extern template HostFactorisation<double> factorise(MatrixView<const double>, const Tolerance &);
extern template HostFactorisation<float> factorise(MatrixView<const float>, const Tolerance &);
extern template HostFactorisation<double> factorise_tiles(TiledJacobian<double> &,
                                                          const Tolerance &);
extern template HostFactorisation<float> factorise_tiles(TiledJacobian<float> &, const Tolerance &);

} // namespace anagram
