// The element-wise steps of the solver: what a device needs beside a BLAS and a LAPACK. Each is an
// object that any team can run; none depends on the number of lanes.
#pragma once

#include "anagram/solver/magnitude.hpp"
#include "anagram/solver/matrix.hpp"
#include "anagram/solver/random.hpp"
#include "anagram/team.hpp"

#include <cstdint>

namespace anagram::ANAGRAM_ISA_NAME {

// f(i, j) for all elements, neighbouring lanes down a column. Sides are below 2^30.
template <class Team, class T, class F>
ANAGRAM_HD void for_each_element(const Team &team, const MatrixView<T> &a, F f) {
  for_each(team, 1, static_cast<int>(a.columns), static_cast<int>(a.rows),
           [&](int, int j, int i) { f(i, j); });
}

template <class T> struct FillRandom {
  MatrixView<T> a;
  std::uint64_t seed;

  template <class Team> ANAGRAM_HD void operator()(const Team &team) const {
    for_each_element(team, a, [&](std::int64_t i, std::int64_t j) {
      a(i, j) = static_cast<T>(random_entry(seed, static_cast<std::uint64_t>(i + j * a.rows)));
    });
  }
};

template <class T> struct CopyTransposed {
  MatrixView<const T> from;
  MatrixView<T> to;

  template <class Team> ANAGRAM_HD void operator()(const Team &team) const {
    for_each_element(team, to, [&](std::int64_t i, std::int64_t j) { to(i, j) = from(j, i); });
  }
};

template <class T> struct CopyScaled {
  MatrixView<const T> from;
  T factor;
  MatrixView<T> to;

  template <class Team> ANAGRAM_HD void operator()(const Team &team) const {
    for_each_element(team, to,
                     [&](std::int64_t i, std::int64_t j) { to(i, j) = from(i, j) * factor; });
  }
};

// The square triangle R above the reflectors of a QR factorisation, with zeros below.
template <class T> struct CopyUpperTriangle {
  MatrixView<const T> from;
  MatrixView<T> to;

  template <class Team> ANAGRAM_HD void operator()(const Team &team) const {
    for_each_element(
        team, to, [&](std::int64_t i, std::int64_t j) { to(i, j) = i <= j ? from(i, j) : T(0); });
  }
};

// The triangle R that a Cholesky factorisation leaves above whatever was there; NaN where it
// failed.
template <class T> struct CopyFactor {
  MatrixView<const T> from;
  const int *info; // 0: it did not
  MatrixView<T> to;

  template <class Team> ANAGRAM_HD void operator()(const Team &team) const {
    const T failure = T(0) / (*info == 0 ? T(1) : T(0)); // 0 or NaN
    for_each_element(team, to, [&](std::int64_t i, std::int64_t j) {
      to(i, j) = i <= j ? from(i, j) + failure : T(0);
    });
  }
};

// a_ii <- a_ii + constant + share a_ii
template <class T> struct AddToDiagonal {
  MatrixView<T> a;
  T constant, share;

  template <class Team> ANAGRAM_HD void operator()(const Team &team) const {
    for_each(team, 1, 1, static_cast<int>(a.columns), [&](int, int, int i) {
      const T value = a(i, i);
      a(i, i) = value + constant + share * value;
    });
  }
};

// Rows whose divisor is zero become zero.
template <class T> struct DivideRows {
  MatrixView<T> a;
  const T *divisors; // [rows]

  template <class Team> ANAGRAM_HD void operator()(const Team &team) const {
    for_each_element(team, a, [&](std::int64_t i, std::int64_t j) {
      a(i, j) = divisors[i] > 0 ? a(i, j) / divisors[i] : T(0);
    });
  }
};

// The elements of a matrix dealt out to `n_parts` parts like cards, column after column: part p
// visits p, p + n_parts, ... in order.
template <class T> struct Deal {
  MatrixView<const T> a;
  int n_parts;

  // f(element, its number) until f returns false.
  template <class F> ANAGRAM_HD void visit(int part, F f) const {
    const std::int64_t step_i = n_parts % a.rows, step_j = n_parts / a.rows;
    std::int64_t i = part % a.rows, j = part / a.rows;
    for (std::int64_t number = part; j < a.columns; number += n_parts) {
      if (!f(a(i, j), number))
        return;
      i += step_i;
      j += step_j + (i >= a.rows);
      i -= i >= a.rows ? a.rows : 0;
    }
  }
};

// Size of each part, summed in double precision: in single precision the squares might overflow.
template <class T> struct Measure {
  Deal<T> deal;
  Magnitude *parts; // [deal.n_parts]

  template <class Team> ANAGRAM_HD void operator()(const Team &team) const {
    for_each(team, 1, 1, deal.n_parts, [&](int, int, int part) {
      Magnitude total;
      deal.visit(part, [&](T element, std::int64_t) {
        const double value = static_cast<double>(element), size = value < 0 ? -value : value;
        total.largest = size > total.largest ? size : total.largest;
        total.sum_of_squares += value * value;
        return true;
      });
      parts[part] = total;
    });
  }
};

// Sum s combines the parts s, s + n_sums, ... in order.
struct CombineMagnitudes {
  const Magnitude *parts; // [n_parts]
  int n_parts;
  Magnitude *sums; // [n_sums]
  int n_sums;

  template <class Team> ANAGRAM_HD void operator()(const Team &team) const {
    for_each(team, 1, 1, n_sums, [&](int, int, int s) {
      Magnitude total;
      for (int part = s; part < n_parts; part += n_sums)
        total += parts[part];
      sums[s] = total;
    });
  }
};

// The number of each part's first element that is NaN or infinite, or -1.
template <class T> struct FindNonFinite {
  Deal<T> deal;
  std::int64_t *first; // [deal.n_parts]

  template <class Team> ANAGRAM_HD void operator()(const Team &team) const {
    for_each(team, 1, 1, deal.n_parts, [&](int, int, int part) {
      first[part] = -1;
      deal.visit(part, [&](T element, std::int64_t number) {
        const bool finite = element - element == T(0);
        if (!finite)
          first[part] = number;
        return finite;
      });
    });
  }
};

} // namespace anagram::ANAGRAM_ISA_NAME
