#include "library_call.hpp"

#include <cstdlib>
#include <deque>
#include <stdexcept>

#include "cpu/shared_library.hpp"

namespace emulated_cuda {
namespace {

struct Object {
  Kind kind;
  int device;
  cudaStream_t stream;
};

std::deque<Object> &objects() {
  static std::deque<Object> all;
  return all;
}

Object *find(Handle handle, Kind kind) {
  for (Object &each : objects())
    if (&each == handle && each.kind == kind)
      return &each;
  return nullptr;
}

} // namespace

int create(Handle *handle, Kind kind) {
  *handle = &objects().emplace_back(Object{kind, current_device(), nullptr});
  return 0;
}

int destroy(Handle handle, Kind kind) {
  Object *object = find(handle, kind);
  if (object)
    object->device = -1; // of no device any more
  return object ? 0 : 1;
}

int set_stream(Handle handle, Kind kind, void *stream) {
  Object *object = find(handle, kind);
  const auto given = static_cast<cudaStream_t>(stream);
  if (!object || !is_stream(given) || device_of(given) != object->device)
    return 1;
  object->stream = given;
  return 0;
}

bool usable(Handle handle, Kind kind) {
  const Object *object = find(handle, kind);
  return object && object->device == current_device();
}

void *fortran_function(const std::string &name) {
  const char *path = std::getenv("ANAGRAM_TEST_LAPACK");
  static const anagram::SharedLibrary library(path ? path : "");
  const bool of_scipy = std::string(path).find("libscipy_openblas") != std::string::npos;
  void *found = library.find((of_scipy ? "scipy_" : "") + name + "_");
  if (!found)
    throw std::runtime_error("no " + name + " in " + path);
  return found;
}

} // namespace emulated_cuda

// In the place of csrc/cuda/runtime/libraries.cpp, which looks for the vendor's.
namespace anagram::cuda {

const Libraries &libraries() {
  static const Libraries table = [] {
    Libraries made;
    emulated_cuda::fill_cublas(made);
    emulated_cuda::fill_cusolver(made);
    return made;
  }();
  return table;
}

} // namespace anagram::cuda
