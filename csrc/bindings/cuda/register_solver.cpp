// anagram_ext._cuda.FactorisationF64 and F32: the surface of _core's, on CUDA tensors and a stream.
#include "register.hpp"

#include "bindings/factorisation_class.hpp"
#include "cuda/runtime/range.hpp"
#include "cuda/runtime/status.hpp"
#include "cuda/solver/factorise.hpp"
#include "queue.hpp"

namespace anagram::cuda {
namespace {

struct CudaBackend {
  template <class T> using Linalg = DeviceLinalg<T>;
  using Place = Queue;
  using Range = cuda::Range;
  static dlpack::Device device_of(const TensorView &view) { return cuda::device_of(view); }
  static dlpack::Device device(const Queue &queue) { return {dlpack::cuda, queue.device}; }
  static Queue place(dlpack::Device device, std::uintptr_t stream) { return queue(device, stream); }
  template <class T> static Linalg<T> linalg(const Queue &queue) { return Linalg<T>(queue); }

  // A factorisation gives its memory back in the order of the stream that made it: work of another
  // stream must have ended by then.
  static void finish(const Queue &work, const Queue &owner) {
    if (work.stream != owner.stream)
      ANAGRAM_CUDA(cudaStreamSynchronize(work.stream));
  }
};

} // namespace

void register_solver(py::module_ &module) {
  register_non_finite();
  const py::arg stream("stream");
  register_factorisation<CudaBackend, double, std::uintptr_t>(module, "FactorisationF64", stream);
  register_factorisation<CudaBackend, float, std::uintptr_t>(module, "FactorisationF32", stream);
}

} // namespace anagram::cuda
