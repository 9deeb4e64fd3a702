// Where the work of a Python call goes.
#pragma once

#include "bindings/tensor_checks.hpp"
#include "cuda/runtime/device.hpp"

namespace anagram::cuda {

// The device of one argument, which all others must share.
inline dlpack::Device device_of(const TensorView &view) {
  if (view.device().type != dlpack::cuda)
    throw std::invalid_argument(view.name() + " must be a CUDA tensor, got " + view.describe());
  return view.device();
}

// `stream` is torch.cuda.current_stream(device).cuda_stream: work is put behind torch's own.
inline Queue queue(dlpack::Device device, std::uintptr_t stream) {
  return {device.id, reinterpret_cast<cudaStream_t>(stream)};
}

} // namespace anagram::cuda
