#!/usr/bin/env bash
# Everything that only a machine with a GPU can tell, in less than ten minutes and without network:
#
#     tools/gpu_check.sh [folder for the results]
#
# Needs nvcc >= 12, a C++17 compiler and, for `python3`, torch with CUDA, pybind11, scikit-build-core,
# cmake, ninja, pytest, hypothesis, numpy, scipy, matplotlib, rich, safetensors, typer and jax.
# Ends with one line a stage; the exit status says whether all of them passed.
set -uo pipefail
cd "$(dirname "$0")/.."
out=$(realpath -m "${1:-gpu_results}")
mkdir -p "$out"
site=$(mktemp -d)
trap 'rm -rf "$site"' EXIT
export PYTHONPATH="$site" PYTHONUNBUFFERED=1 OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1
export ANAGRAM_REQUIRE=cuda # a test that finds no GPU fails
export XLA_PYTHON_CLIENT_PREALLOCATE=false # leave memory to the others

summary=()
failed=0

# stage NAME SECONDS COMMAND...: runs it, keeps its output, remembers how it ended.
stage() {
  local name=$1 limit=$2 start=$SECONDS
  shift 2
  printf '\n=== %s\n' "$name"
  if timeout "$limit" "$@" 2>&1 | tee "$out/$name.log"; then
    summary+=("passed  $name ($((SECONDS - start)) s)")
  else
    summary+=("FAILED  $name ($((SECONDS - start)) s)")
    failed=1
  fi
}

device() {
  nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
  nvcc --version | tail -n 1
  python3 -c 'import torch; print("torch", torch.__version__); assert torch.cuda.is_available()'
}

build() {
  python3 -m pip install --quiet --no-build-isolation --no-deps --no-index --target "$site" \
    -Ccmake.define.ANAGRAM_CUDA=ON -Ccmake.define.CMAKE_CUDA_ARCHITECTURES=native \
    -Cbuild-dir="$site/.build" . &&
    python3 -c 'import anagram_ext as ax; print(ax.info()); assert ax.cuda_available(), ax.info()'
}

# The sanitizers watch every access of the kernels: a small net on each of the two paths.
sanitizer() {
  compute-sanitizer --tool "$1" --error-exitcode 9 --target-processes all \
    python3 -m pytest -q -p no:cacheprovider tests/test_device.py \
    -k 'cuda and (narrow or wide) and (test_jacobian or test_products or test_jets)'
}

stage device 60 device
stage build 240 build
stage tests 240 python3 -m pytest -q -p no:cacheprovider
for tool in memcheck racecheck; do
  stage "$tool" 90 sanitizer "$tool"
done
stage benchmark 90 python3 benchmarks/gpu.py --out "$out"

printf '\n'
printf '%s\n' "${summary[@]}" | tee "$out/summary.txt"
exit $failed
