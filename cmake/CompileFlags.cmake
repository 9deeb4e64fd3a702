# Flags of every native target of this project.
add_library(anagram_flags INTERFACE)

if(MSVC)
  target_compile_options(anagram_flags INTERFACE /W4 $<$<BOOL:${ANAGRAM_WERROR}>:/WX>)
else()
  target_compile_options(anagram_flags INTERFACE
    -Wall -Wextra -Wconversion -Wshadow $<$<BOOL:${ANAGRAM_WERROR}>:-Werror>
    $<$<CONFIG:Release>:-O3>
    # No errno and no traps, so that loops vectorise; never -ffast-math: NaN, Inf and the order of
    # summation stay as written.
    -fno-math-errno -fno-trapping-math -ffp-contract=fast
    # "#pragma omp simd" without the OpenMP run-time library
    -fopenmp-simd)
endif()

if(ANAGRAM_SANITIZE)
  target_compile_options(anagram_flags INTERFACE
    -fsanitize=${ANAGRAM_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g)
  target_link_options(anagram_flags INTERFACE -fsanitize=${ANAGRAM_SANITIZE})
endif()
