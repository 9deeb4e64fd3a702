#!/usr/bin/env bash
# Everything that only a machine with a GPU can tell, in ten minutes and without network:
#
#     tools/gpu_check.sh [folder for the results]
#
# Needs nvcc >= 12, a C++17 compiler and, for `python3`, torch with CUDA, pybind11, scikit-build-core,
# cmake, ninja, pytest, numpy and scipy; jax for the comparison. Test files whose packages are missing
# are left out and named. Ends with one line a stage; the exit status says whether all of them passed.
set -uo pipefail
cd "$(dirname "$0")/.."
out=$(realpath -m "${1:-gpu_results}")
mkdir -p "$out"
export scratch ignored="" # options for pytest, see left_out
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export PYTHONPATH="$scratch/site" PYTHONUNBUFFERED=1 OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1
export ANAGRAM_REQUIRE=cuda # a test that finds no GPU fails
export XLA_PYTHON_CLIENT_PREALLOCATE=false # leave memory to the others

total=590 # seconds for everything
summary=()
failed=0

# stage NAME SECONDS COMMAND...: runs a program or a function of this script, keeps its output,
# remembers how it ended.
stage() {
  local name=$1 limit=$2 start=$SECONDS status=FAILED
  local left=$((total - SECONDS))
  shift 2
  printf '\n=== %s\n' "$name"
  if ((left < 10)); then
    status="NOT RUN, no time was left:"
    failed=1
  elif timeout --kill-after=5 $((limit < left ? limit : left)) bash -c '"$@"' "$name" "$@" 2>&1 |
    tee "$out/$name.log"; then
    status=passed
  else
    failed=1
  fi
  summary+=("$status  $name ($((SECONDS - start)) s)")
  printf '%s\n' "${summary[@]}" > "$out/summary.txt"
}

device() {
  nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
  nvcc --version | tail -n 1
  python3 -c 'import torch; print("torch", torch.__version__); assert torch.cuda.is_available()'
}

build() {
  python3 -m pip install --quiet --no-build-isolation --no-deps --no-index \
    --target "$scratch/site" \
    -Ccmake.define.ANAGRAM_CUDA=ON -Ccmake.define.CMAKE_CUDA_ARCHITECTURES=native \
    -Cbuild-dir="$scratch/build" . &&
    python3 -c 'import anagram_ext as ax; print(ax.info()); assert ax.cuda_available(), ax.info()'
}

tests() {
  python3 -m pytest -q -W default -p no:cacheprovider $ignored -m "$1"
}

# The sanitizers watch every access of the kernels: a small net on each of the two paths, and with
# memcheck the solve. racecheck would spend its time on the kernels of cuBLAS and cuSOLVER there.
sanitizer() {
  local files=(tests/native/test_device.py)
  local chosen='cuda and (narrow or wide) and (test_jacobian or test_products or test_jets)'
  if [[ $1 == memcheck && $ignored != *test_lstsq* ]]; then
    files+=(tests/linear/test_lstsq.py)
    chosen="($chosen) or (cuda and (test_gap_and_ties or test_zero_matrix))"
  fi
  compute-sanitizer --tool "$1" --error-exitcode 9 --report-api-errors no --target-processes all \
    python3 -m pytest -q -W default -p no:cacheprovider "${files[@]}" -k "$chosen"
}

cpp() {
  cmake -S . -B "$scratch/cpp" -G Ninja -DCMAKE_BUILD_TYPE=Release -DANAGRAM_TESTS=ON \
    -DANAGRAM_PYTHON=OFF -DPython_EXECUTABLE="$(command -v python3)" &&
    cmake --build "$scratch/cpp" && ctest --test-dir "$scratch/cpp" --output-on-failure
}

export -f device build tests sanitizer cpp

# left_out PACKAGE PATTERN: without the package the test files with the pattern do not run.
left_out() {
  local package=$1 pattern=$2 file
  python3 -c "import $package" 2> /dev/null && return
  for file in $(grep -lE -r "$pattern" --include="test_*.py" tests); do
    ignored+=" --ignore=$file"
    summary+=("NOT RUN  $file: no package $package")
  done
}
files='progress=False, out=|out=tmp_path|anagram_ext.training.comparison' # tests that write the files of a run
left_out hypothesis '^from hypothesis'
left_out safetensors "import .*checkpoint|$files"
left_out matplotlib "^import matplotlib|$files"
left_out typer '\bcli\b'
left_out rich 'progress=True|progress import'
python3 -c 'import jax' 2> /dev/null || summary+=("NOT RUN  JAX in the benchmark: no package jax")

stage device 30 device
stage build 200 build
stage gpu_tests 150 tests gpu
stage memcheck 75 sanitizer memcheck
stage racecheck 60 sanitizer racecheck
stage benchmark_engine 60 python3 benchmarks/gpu.py --out "$out"
stage benchmark_step 180 python3 benchmarks/gpu_step.py --out "$out"
stage cpp_tests 90 cpp
stage other_tests 120 tests 'not gpu'

printf '\n'
cat "$out/summary.txt"
exit $failed
