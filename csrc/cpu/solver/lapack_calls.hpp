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

// triangles [block, l] receives the triangular factors of given reflectors, block by block: unit
// vectors below the diagonal of `vectors` [m, l] and their factors `scales` [l].
template <class T>
void larft(MatrixView<const T> vectors, const std::vector<T> &scales, MatrixView<T> triangles);

// a [n, n] = Q B P^T with upper bidiagonal B, whose reflectors overwrite a
template <class T> struct Bidiagonal {
  std::vector<T> diagonal;     // [n]
  std::vector<T> above;        // [n - 1], or [1] where n = 1
  std::vector<T> left_scales;  // [n]: factors of the reflectors of Q, below the diagonal of a
  std::vector<T> right_scales; // [n]: of P, right of the diagonal above; the last one is not used
};
template <class T> Bidiagonal<T> gebrd(MatrixView<T> a);

// B = u diag(sigma) v_transposed by divide and conquer; `b` is used up, sigma is its diagonal
template <class T>
std::vector<T> bdsdc(Bidiagonal<T> &b, MatrixView<T> u, MatrixView<T> v_transposed);

} // namespace anagram
