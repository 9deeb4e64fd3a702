#include "cuda/solver/matrix.hpp"

#include "cuda/runtime/status.hpp"

namespace anagram::cuda {
namespace {

template <class T> bool empty(const MatrixView<T> &a) { return a.rows == 0 || a.columns == 0; }
template <class T> size_t bytes(int64_t count) { return static_cast<size_t>(count) * sizeof(T); }

} // namespace

template <class T> void copy(MatrixView<const T> from, MatrixView<T> to, const Queue &queue) {
  if (empty(from))
    return;
  ANAGRAM_CUDA(cudaMemcpy2DAsync(to.data, bytes<T>(to.stride), from.data, bytes<T>(from.stride),
                                 bytes<T>(from.rows), static_cast<size_t>(from.columns),
                                 cudaMemcpyDeviceToDevice, queue.stream));
}

template <class T> void set_zero(MatrixView<T> a, const Queue &queue) {
  if (empty(a)) // all bits zero is the number zero
    return;
  ANAGRAM_CUDA(cudaMemset2DAsync(a.data, bytes<T>(a.stride), 0, bytes<T>(a.rows),
                                 static_cast<size_t>(a.columns), queue.stream));
}

#define ANAGRAM_INSTANTIATE(T)                                                                     \
  template void copy(MatrixView<const T>, MatrixView<T>, const Queue &);                           \
  template void set_zero(MatrixView<T>, const Queue &);
ANAGRAM_INSTANTIATE(double)
ANAGRAM_INSTANTIATE(float)
#undef ANAGRAM_INSTANTIATE

} // namespace anagram::cuda
