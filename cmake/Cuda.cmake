# The optional module anagram_ext._cuda: needs nvcc >= 12, no CUDA library and no GPU to build. The
# run-time library is linked statically, cuBLAS and cuSOLVER are found when the module is used.

string(TOUPPER "${ANAGRAM_CUDA}" cuda_mode)
if(cuda_mode STREQUAL "OFF" OR NOT ANAGRAM_PYTHON)
  return()
endif()

if(NOT CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 80-real 90-real 90-virtual) # A100, H100, and PTX for what follows
endif()

if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
  find_program(ANAGRAM_NVCC nvcc HINTS $ENV{CUDA_HOME}/bin $ENV{CUDA_PATH}/bin /usr/local/cuda/bin
               ${Python_SITEARCH}/nvidia/cu13/bin) # the last: pip install nvidia-cuda-nvcc
  if(ANAGRAM_NVCC)
    set(CMAKE_CUDA_COMPILER ${ANAGRAM_NVCC})
  endif()
endif()
# nvcc's wheel keeps the static run-time library in lib, where nvcc looks in lib64
foreach(nvcc IN ITEMS "${CMAKE_CUDA_COMPILER}" "$ENV{CUDACXX}")
  get_filename_component(nvcc_root "${nvcc}/../.." ABSOLUTE)
  if(nvcc AND EXISTS "${nvcc_root}/lib/libcudart_static.a")
    set(ENV{LIBRARY_PATH} "${nvcc_root}/lib:$ENV{LIBRARY_PATH}")
    set(cudart_folder "${nvcc_root}/lib")
  endif()
endforeach()

include(CheckLanguage)
check_language(CUDA)
if(CMAKE_CUDA_COMPILER)
  enable_language(CUDA)
endif()
if(NOT CMAKE_CUDA_COMPILER OR CMAKE_CUDA_COMPILER_VERSION VERSION_LESS 12.0)
  if(NOT cuda_mode STREQUAL "AUTO")
    message(FATAL_ERROR "ANAGRAM_CUDA=${ANAGRAM_CUDA}, but no nvcc >= 12.0 was found; "
                        "set CUDACXX or CUDA_HOME, or ANAGRAM_CUDA=OFF")
  endif()
  message(STATUS "anagram_ext: no nvcc >= 12.0, the CUDA module is left out")
  return()
endif()

set(CMAKE_CUDA_STANDARD 17)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
set(CMAKE_CUDA_RUNTIME_LIBRARY Static)
file(GLOB_RECURSE cuda_sources CONFIGURE_DEPENDS csrc/cuda/*.cpp csrc/cuda/*.cu
     csrc/bindings/cuda/*.cpp csrc/bindings/gil.cpp csrc/bindings/tensor_*.cpp
     csrc/bindings/register_lapack.cpp)
list(FILTER cuda_sources EXCLUDE REGEX "abi_check")
pybind11_add_module(_cuda MODULE NO_EXTRAS ${cuda_sources})
target_include_directories(_cuda PRIVATE ${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES})
# host and device halves of this module share one instantiation of the arithmetic headers
target_compile_definitions(_cuda PRIVATE ANAGRAM_ISA_NAME=device)
target_compile_options(_cuda PRIVATE
  "$<$<COMPILE_LANGUAGE:CUDA>:-Xfatbin=-compress-all;-Xcompiler=-fvisibility=hidden,-Wall,-Wextra>"
  "$<$<AND:$<COMPILE_LANGUAGE:CUDA>,$<BOOL:${ANAGRAM_WERROR}>>:-Werror=all-warnings>")
target_compile_options(_cuda PRIVATE # the project's flags, for the compiler that knows them
  "$<$<COMPILE_LANGUAGE:CXX>:$<TARGET_PROPERTY:anagram_flags,INTERFACE_COMPILE_OPTIONS>>")
target_link_libraries(_cuda PRIVATE anagram_cpu)
set_target_properties(_cuda PROPERTIES CUDA_VISIBILITY_PRESET hidden)
if(cudart_folder)
  target_link_directories(_cuda PRIVATE ${cudart_folder})
endif()
if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
  target_link_options(_cuda PRIVATE -Wl,--as-needed -Wl,--exclude-libs,ALL)
endif()
install(TARGETS _cuda DESTINATION anagram_ext COMPONENT anagram_ext)

# Where the vendor's headers exist, our declarations of cuBLAS and cuSOLVER are compared with them.
set(header_hints ${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES}
                 ${Python_SITEARCH}/nvidia/cu13/include)
find_path(ANAGRAM_CUBLAS_INCLUDE cublas_v2.h HINTS ${header_hints})
find_path(ANAGRAM_CUSOLVER_INCLUDE cusolverDn.h HINTS ${header_hints})
if(ANAGRAM_CUBLAS_INCLUDE AND ANAGRAM_CUSOLVER_INCLUDE)
  add_library(anagram_abi_check OBJECT csrc/cuda/runtime/abi_check.cpp)
  target_include_directories(anagram_abi_check PRIVATE ${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES}
    ${ANAGRAM_CUBLAS_INCLUDE} ${ANAGRAM_CUSOLVER_INCLUDE})
  add_dependencies(_cuda anagram_abi_check)
endif()
message(STATUS "anagram_ext: CUDA module with nvcc ${CMAKE_CUDA_COMPILER_VERSION} for "
               "${CMAKE_CUDA_ARCHITECTURES}")
