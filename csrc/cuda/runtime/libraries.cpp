#include "cuda/runtime/libraries.hpp"

#include <dlfcn.h>

#include <atomic>
#include <mutex>

#include "cuda/runtime/status.hpp"

namespace anagram::cuda {
namespace {

std::atomic<const Libraries *> loaded{nullptr};

// RTLD_LOCAL: a second copy must not become visible to libraries that look for the first one.
void *open_first(const std::vector<std::string> &candidates, std::string &path,
                 std::string &reason) {
  for (const std::string &candidate : candidates)
    if (void *handle = dlopen(candidate.c_str(), RTLD_NOW | RTLD_NOLOAD)) {
      path = candidate + " (already loaded)";
      return handle;
    }
  for (const std::string &candidate : candidates) {
    if (void *handle = dlopen(candidate.c_str(), RTLD_NOW | RTLD_LOCAL)) {
      path = candidate;
      return handle;
    }
    const char *text = dlerror();
    reason += (reason.empty() ? "" : "; ") + std::string(text ? text : candidate);
  }
  return nullptr;
}

template <class Function> bool find(void *library, const char *name, Function &function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

} // namespace

std::string load_libraries(const std::vector<std::string> &preload,
                           const std::vector<std::string> &cublas,
                           const std::vector<std::string> &cusolver) {
  static std::mutex mutex;
  const std::lock_guard<std::mutex> lock(mutex);
  if (loaded.load())
    return "";
  for (const std::string &path : preload)
    if (!dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL))
      (void)dlerror();
  Libraries found;
  std::string reason;
  void *blas = open_first(cublas, found.cublas_path, reason);
  void *solver = blas ? open_first(cusolver, found.cusolver_path, reason) : nullptr;
  if (!blas || !solver)
    return reason;
#define ANAGRAM_FIND_CUBLAS(name, arguments)                                                       \
  if (!find(blas, #name, found.name))                                                              \
    return found.cublas_path + " lacks " #name;
  ANAGRAM_CUBLAS_FUNCTIONS(ANAGRAM_FIND_CUBLAS)
#define ANAGRAM_FIND_CUSOLVER(name, arguments)                                                     \
  if (!find(solver, #name, found.name))                                                            \
    return found.cusolver_path + " lacks " #name;
  ANAGRAM_CUSOLVER_FUNCTIONS(ANAGRAM_FIND_CUSOLVER)
#undef ANAGRAM_FIND_CUBLAS
#undef ANAGRAM_FIND_CUSOLVER
  loaded.store(new Libraries(found)); // for the life of the process, like the libraries
  return "";
}

const Libraries &libraries() {
  const Libraries *found = loaded.load();
  if (!found)
    throw CudaError("cuBLAS and cuSOLVER are not loaded");
  return *found;
}

} // namespace anagram::cuda
