// The CUDA engine: the surface of cpu/engine/plan.hpp on device memory and a stream.
#pragma once

#include <cstdint>

#include "anagram/engine/net_shape.hpp"
#include "cuda/engine/net_on_device.hpp"

namespace anagram::cuda {

// Immutable after construction; every method may be called from several threads. Arguments and
// layouts are those of anagram::Plan, in memory of queue.device. Calls return when the work is on
// the stream.
class Plan {
public:
  // Throws std::invalid_argument for 2^31 parameters or more.
  explicit Plan(NetShape shape);

  const NetShape &shape() const { return shape_; }

  // out [q, K, m, n] for thetas [q, P]
  template <class T>
  void jets(const T *thetas, int64_t q, const T *inputs, int64_t n, T *out, Queue queue) const;

  // j [C * n, P] with row_stride elements between rows
  template <class T>
  void jacobian(const T *theta, const T *inputs, int64_t n, const T *seeds, int64_t n_residuals,
                T *j, int64_t row_stride, Queue queue) const;

  // gradient [P] += J^T w, w [C * n]
  template <class T>
  void vjp(const T *theta, const T *inputs, int64_t n, const T *seeds, int64_t n_residuals,
           const T *w, T *gradient, Queue queue) const;

  // out [C * n] = J v, v [P]
  template <class T>
  void jvp(const T *theta, const T *inputs, int64_t n, const T *seeds, int64_t n_residuals,
           const T *v, T *out, Queue queue) const;

private:
  NetShape shape_;
  NetOnDevice net_;
};

} // namespace anagram::cuda
