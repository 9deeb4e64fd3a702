// The tables of a network in device memory.
#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "anagram/engine/net_tables.hpp"
#include "cuda/runtime/device.hpp"

namespace anagram::cuda {

// One copy a device, made when it is first asked for. The tables are tiny and never change.
class NetOnDevice {
public:
  explicit NetOnDevice(NetTables tables) : tables_(std::move(tables)) {}
  const NetTables &tables() const { return tables_; }

  // Pointers that kernels on this device, which must be current, can read.
  DeviceNet view(int device) const;

private:
  struct Copy;
  NetTables tables_;
  mutable std::mutex mutex_;
  mutable std::map<int, std::shared_ptr<Copy>> copies_;
};

} // namespace anagram::cuda
