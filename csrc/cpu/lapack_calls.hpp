// The BLAS and LAPACK functions in use, with matrices for arguments: sizes are checked when they
// are narrowed to LAPACK's integers, workspaces are allocated, and every info is read.
#pragma once

#include "anagram/solver/matrix.hpp"

#include <vector>

namespace anagram {

enum class Transpose : char { no = 'N', yes = 'T' };

// c = op(a) b + keep * c, keep = 0 or 1
template <class T>
void gemm(Transpose op, MatrixView<const T> a, MatrixView<const T> b, T keep, MatrixView<T> c);

// a [m, n] becomes R and, below the diagonal, the reflectors; triangles [block, n] receives the
// triangular factors of the blocked reflectors, block <= n <= m.
template <class T> void geqrt(MatrixView<T> a, MatrixView<T> triangles);

// c <- Q c or Q^T c for the output of geqrt
template <class T>
void gemqrt(Transpose op, MatrixView<const T> reflectors, MatrixView<const T> triangles,
            MatrixView<T> c);

// The reflectors in q [m, n] become the first n columns of Q; scales [n] are their factors tau.
template <class T> void orgqr(MatrixView<T> q, const std::vector<T> &scales);

// a = u diag(sigma) v_transposed for square a, which is overwritten
template <class T>
void gesdd(MatrixView<T> a, MatrixView<T> u, std::vector<T> &sigma, MatrixView<T> v_transposed);

} // namespace anagram
