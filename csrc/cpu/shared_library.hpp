// Loading a shared library and looking up its symbols, on any platform.
#pragma once

#include <string>

namespace anagram {

// Opens `path`, or finds it when the process has loaded it already. The handle is never closed: the
// addresses taken from it live as long as the process. Throws std::runtime_error with the loader's
// own words.
class SharedLibrary {
public:
  explicit SharedLibrary(const std::string &path);
  void *find(const std::string &symbol) const; // null when missing

private:
  void *handle_;
};

} // namespace anagram
