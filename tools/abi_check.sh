#!/usr/bin/env bash
# Compares our declarations of cuBLAS and cuSOLVER (csrc/cuda/runtime/blas_abi.hpp) with the vendor's
# headers, which come with the libraries from PyPI: 0.7 GB, of which only the headers are unpacked.
#
#     tools/abi_check.sh [WHEEL...]
#
# Without wheels the newest ones of CUDA 13. Needs a C++17 compiler; neither nvcc nor a GPU.
set -euo pipefail
cd "$(dirname "$0")/.."
wheels=("$@")
if ((${#wheels[@]} == 0)); then
  wheels=(nvidia-cublas nvidia-cusolver nvidia-cuda-runtime nvidia-cuda-crt nvidia-cuda-cccl)
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip download --quiet --no-deps --no-cache-dir --dest "$folder" "${wheels[@]}"
python3 - "$folder" << 'END'
import pathlib, sys, zipfile

folder = pathlib.Path(sys.argv[1])
for wheel in folder.glob("*.whl"):
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if "/include/" in name and not name.endswith("/"):
                header = folder / "include" / name.split("/include/", 1)[1]
                header.parent.mkdir(parents=True, exist_ok=True)
                header.write_bytes(archive.read(name))
END
for header in cublas_v2.h cusolverDn.h; do
  if [[ ! -e $folder/include/$header ]]; then
    echo "no $header in ${wheels[*]}" >&2
    exit 1
  fi
done
"${CXX:-g++}" -std=c++17 -fsyntax-only -isystem "$folder/include" -isystem "$folder/include/cccl" \
  -Icsrc -Icsrc/include \
  csrc/cuda/runtime/abi_check.cpp
echo "our declarations are those of: $(cd "$folder" && ls ./*.whl | cut -d/ -f2 | cut -d- -f1,2 | tr '\n' ' ')"
