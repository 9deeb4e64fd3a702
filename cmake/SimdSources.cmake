# Each source of a folder is compiled once an instruction set; a cpuid dispatcher picks one at run time.
#
# The objects differ only by ANAGRAM_ISA_NAME, which the source pastes into the name of the one table
# that it exports. ANAGRAM_X86_DISPATCH tells the dispatcher that the x86 versions exist.

function(anagram_simd_objects target folder)
  file(GLOB sources CONFIGURE_DEPENDS ${folder}/*.cpp)
  if(NOT sources)
    return()
  endif()

  set(isa_names base)
  set(is_x86 FALSE)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$"
     AND NOT CMAKE_OSX_ARCHITECTURES MATCHES "arm64")
    set(is_x86 TRUE)
    list(APPEND isa_names avx2 avx512)
  endif()
  if(MSVC)
    set(flags_avx2 /arch:AVX2)
    set(flags_avx512 /arch:AVX512)
  else()
    set(flags_avx2 -mavx2 -mfma)
    set(flags_avx512 -mavx512f -mavx512dq -mavx512vl -mavx512bw -mfma -mprefer-vector-width=512)
  endif()

  foreach(isa IN LISTS isa_names)
    set(objects ${target}_simd_${isa})
    add_library(${objects} OBJECT ${sources})
    target_include_directories(${objects} PRIVATE csrc/include csrc)
    target_compile_definitions(${objects} PRIVATE ANAGRAM_ISA_NAME=${isa})
    target_compile_options(${objects} PRIVATE ${flags_${isa}})
    target_link_libraries(${objects} PRIVATE anagram_flags)
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:${objects}>)
  endforeach()
  if(is_x86)
    target_compile_definitions(${target} PRIVATE ANAGRAM_X86_DISPATCH)
  endif()
endfunction()
