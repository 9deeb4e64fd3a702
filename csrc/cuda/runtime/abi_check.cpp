// Compiled only where the vendor's headers exist: proves that blas_abi.hpp says what they say.
#include <cublas_v2.h>
#include <cusolverDn.h>

#include <type_traits>

#include "cuda/runtime/blas_abi.hpp"

namespace {

// Enumerations become int (they are passed alike), pointers to opaque structures become void *.
template <class T> struct Plain {
  using type = std::conditional_t<std::is_enum_v<T>, int, T>;
};
template <class T> struct Plain<T *> {
  using type =
      std::conditional_t<std::is_class_v<std::remove_cv_t<T>>, void *, typename Plain<T>::type *>;
};
template <class T> struct Plain<const T *> {
  using type = const typename Plain<T>::type *;
};
template <class Result, class... Arguments> struct Plain<Result (*)(Arguments...)> {
  using type = int (*)(typename Plain<Arguments>::type...);
};

} // namespace

using anagram::cuda::Handle;
#define ANAGRAM_SAME(name, arguments)                                                              \
  static_assert(std::is_same_v<Plain<decltype(&::name)>::type, int(*) arguments>,                  \
                #name " differs from the vendor's header");
ANAGRAM_CUBLAS_FUNCTIONS(ANAGRAM_SAME)
ANAGRAM_CUSOLVER_FUNCTIONS(ANAGRAM_SAME)
#undef ANAGRAM_SAME
static_assert(CUBLAS_OP_N == int(anagram::cuda::op_n) && CUBLAS_OP_T == int(anagram::cuda::op_t));
static_assert(CUBLAS_SIDE_LEFT == int(anagram::cuda::side_left) &&
              CUBLAS_SIDE_RIGHT == int(anagram::cuda::side_right));
static_assert(CUBLAS_FILL_MODE_UPPER == int(anagram::cuda::fill_upper));
static_assert(CUBLAS_DIAG_NON_UNIT == int(anagram::cuda::diagonal_any));
static_assert(CUSOLVER_EIG_MODE_VECTOR == int(anagram::cuda::with_vectors));
static_assert(CUDA_R_64F == anagram::cuda::data_type<double> &&
              CUDA_R_32F == anagram::cuda::data_type<float>);
static_assert(CUBLAS_STATUS_SUCCESS == 0 && CUSOLVER_STATUS_SUCCESS == 0);
