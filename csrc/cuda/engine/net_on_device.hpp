// The tables of a network in device memory.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "anagram/engine/net_tables.hpp"
#include "anagram/engine/packed_tables.hpp"
#include "cuda/runtime/device.hpp"

namespace anagram::cuda {

// One copy a device, made when it is first asked for. The tables are tiny and never change.
class NetOnDevice {
public:
  explicit NetOnDevice(NetTables tables)
      : tables_(std::move(tables)), packed_(anagram::packed(tables_)) {}
  const NetTables &tables() const { return tables_; }

  // For a kernel to take by value, or null where there are too many.
  const PackedTables *packed() const { return packed_ ? &*packed_ : nullptr; }

  // Pointers that kernels on this device, which must be current, can read.
  DeviceNet view(int device) const;

private:
  struct Copy;
  NetTables tables_;
  std::optional<PackedTables> packed_;
  mutable std::mutex mutex_;
  mutable std::map<int, std::shared_ptr<Copy>> copies_;
};

} // namespace anagram::cuda
