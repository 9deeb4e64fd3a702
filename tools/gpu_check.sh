#!/usr/bin/env bash
# Everything that only a machine with a GPU can tell, without network, in calls of ten minutes:
#
#     tools/gpu_check.sh [-o FOLDER] [STAGE...]
#
#     tools/gpu_check.sh build gpu_tests engine
#     tools/gpu_check.sh step
#     tools/gpu_check.sh memcheck racecheck cpp_tests other_tests
#
# Without stages all of them run, as far as the time reaches. What the other stages need is built
# where it is not yet. The folder, gpu_results unless given, gets two files: summary.txt, and
# gpu_results.tgz with the output of every stage and the tables.
#
# Needs nvcc >= 12, a C++17 compiler and, for `python3`, torch with CUDA, pybind11, scikit-build-core,
# cmake, ninja, pytest, numpy and scipy; jax for the comparison. Test files whose packages are missing
# are left out and named. Ends with one line a stage; the exit status says whether all of them passed.
# ANAGRAM_SECONDS (590) is the time for everything.
set -uo pipefail
cd "$(dirname "$0")/.."
all_stages=(build gpu_tests engine step memcheck racecheck cpp_tests other_tests)
out=gpu_results
if [[ ${1:-} == -o ]]; then
  out=${2:?-o needs a folder}
  shift 2
fi
stages=("$@")
if ((${#stages[@]} == 0)); then stages=("${all_stages[@]}"); fi
for name in "${stages[@]}"; do
  if [[ " ${all_stages[*]} " != *" $name "* ]]; then
    echo "STAGE must be one of ${all_stages[*]}, got $name" >&2
    exit 2
  fi
done

out=$(realpath -m "$out")
mkdir -p "$out"
export built=$PWD/build/gpu_check # kept from call to call
export scratch ignored=""         # options for pytest, see left_out
scratch=$(mktemp -d)
results=$scratch/results # many files, of which one archive is made
mkdir "$results"
keep_results() {
  tar -czf "$out/gpu_results.tgz" -C "$results" .
  rm -rf "$scratch"
}
trap keep_results EXIT
trap 'exit 143' TERM INT
export PYTHONPATH="$built/site" PYTHONUNBUFFERED=1 OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1
export ANAGRAM_REQUIRE=cuda # a test that finds no GPU fails
export XLA_PYTHON_CLIENT_PREALLOCATE=false # leave memory to the others

total=${ANAGRAM_SECONDS:-590}
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
    tee "$results/$name.log"; then
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
    --target "$built/site" --upgrade \
    -Ccmake.define.ANAGRAM_CUDA=ON -Ccmake.define.CMAKE_CUDA_ARCHITECTURES=native \
    -Cbuild-dir="$built/build" . &&
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
  if [[ $1 == memcheck && $ignored != *test_factorise* ]]; then # QR by products, large SVDs
    files+=(tests/linear/test_factorise.py)
    chosen="($chosen) or (cuda and test_large_and_tall)"
  fi
  compute-sanitizer --tool "$1" --error-exitcode 9 --report-api-errors no --target-processes all \
    python3 -m pytest -q -W default -p no:cacheprovider "${files[@]}" -k "$chosen"
}

cpp() {
  cmake -S . -B "$built/cpp" -G Ninja -DCMAKE_BUILD_TYPE=Release -DANAGRAM_TESTS=ON \
    -DANAGRAM_PYTHON=OFF -DPython_EXECUTABLE="$(command -v python3)" &&
    cmake --build "$built/cpp" && ctest --test-dir "$built/cpp" -j 8 --output-on-failure
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
if [[ " ${stages[*]} " != *" build "* && ! -d $built/site ]]; then stages=(build "${stages[@]}"); fi
for name in "${stages[@]}"; do
  case $name in
    build) stage build 250 build ;;
    gpu_tests) stage gpu_tests 250 tests gpu ;;
    engine) stage engine 120 python3 benchmarks/gpu.py --out "$results" ;;
    step) stage step 560 python3 benchmarks/gpu_step.py --out "$results" ;;
    memcheck) stage memcheck 180 sanitizer memcheck ;;
    racecheck) stage racecheck 150 sanitizer racecheck ;;
    cpp_tests) stage cpp_tests 150 cpp ;;
    other_tests) stage other_tests 250 tests 'not gpu' ;;
  esac
done

printf '\n'
cat "$out/summary.txt"
exit $failed
