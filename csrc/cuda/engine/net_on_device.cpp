#include "cuda/engine/net_on_device.hpp"

#include "cuda/runtime/status.hpp"

namespace anagram::cuda {
namespace {

// Plain cudaMalloc: outlives every stream.
template <class T> class Array {
public:
  explicit Array(const std::vector<T> &values) {
    if (values.empty())
      return;
    ANAGRAM_CUDA(cudaMalloc(reinterpret_cast<void **>(&data_), values.size() * sizeof(T)));
    const cudaError_t status =
        cudaMemcpy(data_, values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice);
    if (status != cudaSuccess)
      ignored(cudaFree(data_));
    ANAGRAM_CUDA(status);
  }
  ~Array() { // a device that is gone has nothing to give back, and a fork's memory is its parent's
    if (!is_forked())
      ignored(cudaFree(data_));
  }
  Array(const Array &) = delete;
  Array &operator=(const Array &) = delete;
  const T *data() const { return data_; }

private:
  T *data_ = nullptr;
};

} // namespace

struct NetOnDevice::Copy {
  Array<LayerShape> layers;
  Array<JetEntry> inner, outer;
  Array<JetTerm> terms;
  Array<double> linear;

  explicit Copy(const NetTables &from)
      : layers(from.layers), inner(from.inner), outer(from.outer), terms(from.terms),
        linear(from.linear) {
    // A copy from the host returns when it has read its source, and torch's streams do not wait for
    // the default one: without this, their first kernel might find no tables.
    ANAGRAM_CUDA(cudaStreamSynchronize(nullptr));
  }
};

DeviceNet NetOnDevice::view(int device) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::shared_ptr<Copy> &copy = copies_[device];
  if (!copy)
    copy = std::make_shared<Copy>(tables_);
  return tables_.view(copy->layers.data(), copy->inner.data(), copy->outer.data(),
                      copy->terms.data(), copy->linear.data());
}

} // namespace anagram::cuda
