#include "cuda/runtime/range.hpp"

#if __has_include(<nvtx3/nvToolsExt.h>)
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#endif
#include <nvtx3/nvToolsExt.h> // headers only: the profiler brings the library
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

namespace anagram::cuda {

Range::Range(const char *name) { nvtxRangePushA(name); }
Range::~Range() { nvtxRangePop(); }

} // namespace anagram::cuda

#else

namespace anagram::cuda {

Range::Range(const char *) {}
Range::~Range() {}

} // namespace anagram::cuda

#endif
