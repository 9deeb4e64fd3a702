// The size of a matrix on the device, which arrives at the host with whatever waits next.
#pragma once

#include <cstdint>
#include <memory>

#include "anagram/solver/magnitude.hpp"
#include "anagram/solver/matrix.hpp"
#include "cuda/runtime/arriving.hpp"

namespace anagram::cuda {

// Sums, to be added up, of the size of a, which has elements. The same on every device.
template <class T>
std::unique_ptr<Arriving<Magnitude>> sums_on_their_way(MatrixView<const T> a, const Queue &queue);

template <class T> class DeviceMeasured {
public:
  // Of a^T, whose elements get() looks at again where they are not finite.
  DeviceMeasured(MatrixView<const T> a, const char *name, int64_t first_row, const Queue &queue);

  // Waits for the stream unless somebody has since. Throws NonFiniteInput naming the element.
  Magnitude get() const;

private:
  Queue queue_;
  MatrixView<const T> a_;
  const char *name_;
  int64_t first_row_;
  std::unique_ptr<Arriving<Magnitude>> sums_; // none of an empty matrix
};

extern template class DeviceMeasured<double>;
extern template class DeviceMeasured<float>;

} // namespace anagram::cuda
