// The CPU engine: jets and residual Jacobian of one network for one set of derivatives.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "anagram/engine/net_shape.hpp"

namespace anagram {

// Immutable after construction; every method may be called from several threads.
//
// theta [P]; inputs: points [n, d], or of a mapped network the jets of its features
// [n, n_components, n_inputs] (see NetShape); seeds [C, K, m, n] hold dr/d(jet) of C residual
// components; rows of J are component-major: row c * n + i. T is double or float. `poll` runs
// between tiles on the calling thread and may throw to stop the work.
class Plan {
public:
  using Poll = std::function<void()>;

  explicit Plan(NetShape shape) : shape_(std::move(shape)) {}

  const NetShape &shape() const { return shape_; }

  // out [q, K, m, n] for thetas [q, P]
  template <class T>
  void jets(const T *thetas, int64_t q, const T *inputs, int64_t n, T *out, const Poll &poll) const;

  // j [C * n, P] with row_stride elements between rows
  template <class T>
  void jacobian(const T *theta, const T *inputs, int64_t n, const T *seeds, int64_t n_residuals,
                T *j, int64_t row_stride, const Poll &poll) const {
    T *const no_jets = nullptr;
    jacobian_and_jets(theta, inputs, n, seeds, n_residuals, j, row_stride, no_jets, poll);
  }

  // The same, and jets [K, m, n] from the same forward sweep.
  template <class T>
  void jacobian_and_jets(const T *theta, const T *inputs, int64_t n, const T *seeds,
                         int64_t n_residuals, T *j, int64_t row_stride, T *jets,
                         const Poll &poll) const;

  // gradient [P] += J^T w, w [C * n]
  template <class T>
  void vjp(const T *theta, const T *inputs, int64_t n, const T *seeds, int64_t n_residuals,
           const T *w, T *gradient, const Poll &poll) const;

  // out [C * n] = J v, v [P]
  template <class T>
  void jvp(const T *theta, const T *inputs, int64_t n, const T *seeds, int64_t n_residuals,
           const T *v, T *out, const Poll &poll) const;

private:
  template <class T, class Visit>
  void reverse_tiles(const T *theta, const T *inputs, int64_t n, const T *seeds,
                     int64_t n_residuals, int64_t max_chunks, T *jets, const Visit &visit,
                     const Poll &poll) const;

  NetShape shape_;
};

} // namespace anagram
