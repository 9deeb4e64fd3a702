#!/usr/bin/env bash
# Everything that only a machine with a GPU can tell, without network, in calls of ten minutes:
#
#     tools/gpu_check.sh [-o FOLDER] [STAGE...]
#
#     tools/gpu_check.sh build gpu_tests engine
#     tools/gpu_check.sh step
#     tools/gpu_check.sh train
#     tools/gpu_check.sh memcheck racecheck cpp_tests other_tests
#
# Without stages all of them run, as far as the time reaches. What the other stages need is built
# where it is not yet. The folder, gpu_results unless given, gets two files: summary.txt, and
# gpu_results.tgz with the output of every stage and the tables.
#
# Needs nvcc >= 12, a C++17 compiler and, for `python3`, torch with CUDA, pybind11, scikit-build-core,
# cmake, ninja, pytest, numpy and scipy; jax for the comparison. What a stage lacks is named, and so
# are test files whose packages are missing, which are left out. Tests without a GPU share the cores
# where pytest-xdist is there. Ends with one line a stage; the exit status says whether all of them
# passed. ANAGRAM_SECONDS (590) is the time for everything.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
all_stages=(build gpu_tests engine step train memcheck racecheck cpp_tests other_tests)
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
export ignored=""                 # options for pytest, see left_out
scratch=$(mktemp -d)
results=$scratch/results # many files, of which one archive is made
mkdir "$results"
pack() { tar -czf "$out/gpu_results.tgz" -C "$results" .; } # after every stage: the next may not end
trap 'pack; rm -rf "$scratch"' EXIT
trap 'exit 143' TERM INT
export PYTHONPATH="$built/site" PYTHONUNBUFFERED=1 OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1
export ANAGRAM_REQUIRE=cuda # a test that finds no GPU fails
export XLA_PYTHON_CLIENT_PREALLOCATE=false # leave memory to the others

total=${ANAGRAM_SECONDS:-590}
summary=()
failed=0
built_fails=""

# needs STAGE: the programs that it cannot do without, and the packages of python3.
needs() {
  case $1 in
    device) echo nvidia-smi nvcc python:torch ;;
    build) echo nvcc cmake ninja python:pip python:scikit_build_core python:pybind11 ;;
    gpu_tests | other_tests) echo python:pytest python:numpy python:scipy ;;
    engine | step | train) echo python:numpy python:scipy ;;
    memcheck | racecheck) echo compute-sanitizer python:pytest python:numpy python:scipy ;;
    cpp_tests) echo cmake ctest ninja python:scipy ;;
  esac
}

has_package() {
  python3 -c "import importlib.util, sys; sys.exit(importlib.util.find_spec('$1') is None)"
}

# lacks STAGE: what of that is not there, in words; nothing where all is.
lacks() {
  local thing
  for thing in $(needs "$1"); do
    case $thing in
      python:*) has_package "${thing#python:}" || printf ', the Python package %s' "${thing#python:}" ;;
      ninja) command -v ninja > /dev/null || has_package ninja || printf ', the program ninja' ;;
      *) command -v "$thing" > /dev/null || printf ', the program %s' "$thing" ;;
    esac
  done
}

# stage NAME SECONDS COMMAND...: runs a program or a function of this script, keeps its output,
# remembers how it ended.
stage() {
  local name=$1 limit=$2 start=$SECONDS status=FAILED missing
  local left=$((total - SECONDS))
  shift 2
  printf '\n=== %s\n' "$name"
  missing=$(lacks "$name")
  if ((left < 10)); then
    status="NOT RUN, no time was left:"
    failed=1
  elif [[ -n $missing ]]; then
    status="NOT RUN, without ${missing#, }:"
    failed=1
  elif [[ -n $built_fails && $name != cpp_tests ]]; then
    status="NOT RUN, nothing was built:"
    failed=1
  elif timeout --kill-after=5 $((limit < left ? limit : left)) bash -c '"$@"' "$name" "$@" 2>&1 |
    tee "$results/$name.log"; then
    status=passed
  else
    failed=1
  fi
  [[ $name == build && $status != passed ]] && built_fails=yes
  summary+=("$status  $name ($((SECONDS - start)) s)")
  printf '%s\n' "${summary[@]}" > "$out/summary.txt"
  pack
}

device() {
  nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
  nvcc --version | tail -n 1
  python3 -c 'import torch; print("torch", torch.__version__, "CUDA", torch.version.cuda)
assert torch.cuda.is_available(), "torch sees no GPU"'
}

build() {
  python3 -m pip install --quiet --no-build-isolation --no-deps --no-index \
    --target "$built/site" --upgrade \
    -Ccmake.define.ANAGRAM_CUDA=ON -Ccmake.define.CMAKE_CUDA_ARCHITECTURES=native \
    -Cbuild-dir="$built/build" . &&
    python3 -c 'import anagram_ext as ax; print(ax.info()); assert ax.cuda_available(), ax.info()'
}

# tests MARKS [OPTION...]
tests() {
  python3 -m pytest -q -W default -p no:cacheprovider $ignored -m "$@"
}

# Not those that take long: they need no GPU, and run elsewhere.
other_tests() {
  local marks='not gpu and not slow'
  if python3 -c 'import xdist' 2> /dev/null; then tests "$marks" -n 12; else tests "$marks"; fi
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

export -f device build tests other_tests sanitizer cpp

# left_out PACKAGE PATTERN: without the package the test files with the pattern do not run.
left_out() {
  local package=$1 pattern=$2 file
  python3 -c "import $package" 2> /dev/null && return
  for file in $(grep -lE -r "$pattern" --include="test_*.py" tests); do
    ignored+=" --ignore=$file"
    summary+=("NOT RUN  $file: no package $package")
  done
}
writes='progress=False, out=|out=tmp_path|anagram_ext.training.comparison' # the files of a run
left_out hypothesis '^from hypothesis'
left_out meshio '^import meshio'
left_out shapely '^import shapely'
left_out sympy '^import sympy'
left_out trimesh '^import trimesh'
left_out safetensors "import .*checkpoint|$writes"
left_out matplotlib "^import matplotlib|$writes"
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
    train) stage train 560 python3 benchmarks/gpu_train.py --out "$results" ;;
    memcheck) stage memcheck 180 sanitizer memcheck ;;
    racecheck) stage racecheck 150 sanitizer racecheck ;;
    cpp_tests) stage cpp_tests 150 cpp ;;
    other_tests) stage other_tests 400 other_tests ;;
  esac
done

printf '\n'
cat "$out/summary.txt"
exit $failed
