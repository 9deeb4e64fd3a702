#include "cpu/shared_library.hpp"

#include <stdexcept>

#ifdef _WIN32
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace anagram {

#ifdef _WIN32

SharedLibrary::SharedLibrary(const std::string &path)
    : handle_(reinterpret_cast<void *>(LoadLibraryA(path.c_str()))) {
  if (!handle_)
    throw std::runtime_error("cannot load " + path);
}

void *SharedLibrary::find(const std::string &symbol) const {
  return reinterpret_cast<void *>(
      GetProcAddress(reinterpret_cast<HMODULE>(handle_), symbol.c_str()));
}

#else

// RTLD_LOCAL: a second BLAS must not become visible to libraries that look for the first one.
SharedLibrary::SharedLibrary(const std::string &path)
    : handle_(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
  if (!handle_) {
    const char *reason = dlerror();
    throw std::runtime_error(reason ? reason : "cannot load " + path);
  }
}

void *SharedLibrary::find(const std::string &symbol) const {
  return dlsym(handle_, symbol.c_str());
}

#endif

} // namespace anagram
