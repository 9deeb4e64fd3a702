// The structures of DLPack 1.x (https://dmlc.github.io/dlpack), declared here so that building
// needs no header from anybody. Field order and sizes are fixed by that ABI.
#pragma once

#include <cstdint>

namespace anagram::dlpack {

enum DeviceType : std::int32_t { cpu = 1, cuda = 2, cuda_managed = 13 };
enum TypeCode : std::uint8_t { signed_int = 0, unsigned_int = 1, floating = 2, boolean = 6 };
constexpr std::uint64_t flag_read_only = 1;

struct Version {
  std::uint32_t major, minor;
};

struct Device {
  std::int32_t type, id;
};

struct DataType {
  std::uint8_t code, bits;
  std::uint16_t lanes;
};

struct Tensor {
  void *data;
  Device device;
  std::int32_t ndim;
  DataType dtype;
  std::int64_t *shape;
  std::int64_t *strides; // in elements; null before DLPack 1.2 for C-contiguous tensors
  std::uint64_t byte_offset;
};

// What a capsule named "dltensor" holds (producers older than DLPack 1.0).
struct ManagedTensor {
  Tensor tensor;
  void *context;
  void (*deleter)(ManagedTensor *);
};

// What a capsule named "dltensor_versioned" holds.
struct ManagedTensorVersioned {
  Version version;
  void *context;
  void (*deleter)(ManagedTensorVersioned *);
  std::uint64_t flags;
  Tensor tensor;
};

// DLPack 1.3: a table of C functions in the capsule type(x).__dlpack_c_exchange_api__.
struct ExchangeApi {
  Version version;
  ExchangeApi *previous;
  int (*allocate)(Tensor *, ManagedTensorVersioned **, void *,
                  void (*set_error)(void *, const char *, const char *));
  int (*from_py_object)(void *object, ManagedTensorVersioned **out); // no stream synchronisation
  int (*to_py_object)(ManagedTensorVersioned *, void **out);
  int (*view_of_py_object)(void *object, Tensor *out); // may be null
  int (*current_work_stream)(std::int32_t device_type, std::int32_t device_id, void **out);
};

} // namespace anagram::dlpack
