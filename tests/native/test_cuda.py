"""Finding the CUDA module and its libraries, on any machine: with a stand-in for the module."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch

import anagram_ext as ax
from anagram_ext.native import cuda, plan
from anagram_ext.native.lapack import ensure_lapack
from anagram_ext.pde import operators


@pytest.fixture
def stand_in(monkeypatch):
    """Replaces the compiled module; `devices` and `missing` say what the machine has."""

    def install(devices=(1, ""), missing=(), built_with=13000):
        calls = []

        def load(preload, cublas, cusolver):
            calls.append((preload, cublas, cusolver))
            lacking = [name for name in missing if name in (cublas[-1], cusolver[-1])]
            return f"{lacking[0]}: cannot open shared object file" if lacking else ""

        module = ModuleType("stand_in")
        vars(module).update(device_count=lambda: devices, load=load, built_with=built_with)
        monkeypatch.setattr(cuda, "_module", lambda: module)
        return module, calls

    return install


def test_a_machine_without_a_gpu_says_why(stand_in):
    stand_in(devices=(0, "no NVIDIA driver (libcuda.so.1) on this machine"))
    assert not ax.cuda_available()
    assert "no NVIDIA driver" in ax.info()["cuda"]
    with pytest.raises(ax.BackendUnavailable, match=r"no NVIDIA driver .* use device='cpu'"):
        ax.MLP([2, 3, 1], device="cuda")
    with pytest.raises(ax.BackendUnavailable, match=r"^device='cuda:1': no NVIDIA driver"):
        ax.MLP([2, 3, 1], device=torch.device("cuda", 1))


def test_a_gpu_that_is_not_there_is_named(stand_in):
    module, _ = stand_in(devices=(2, ""))
    assert plan.native_module("cuda") is plan.native_module("cuda:1") is module
    with pytest.raises(ax.BackendUnavailable, match="one of the GPUs 0 to 1, got 'cuda:2'"):
        plan.require_device("cuda:2")


def test_a_network_on_the_cpu_looks_for_no_library_of_cuda(monkeypatch):
    monkeypatch.setattr(cuda, "_module", lambda: pytest.fail("looked for CUDA"))
    for device in ("cpu", torch.device("cpu")):
        assert ax.MLP([2, 3, 1], device=device) == ax.MLP([2, 3, 1])


def test_a_build_without_cuda_says_why(monkeypatch):
    monkeypatch.setattr(cuda, "_module", lambda: "anagram_ext was built without its CUDA")
    assert not ax.cuda_available()
    with pytest.raises(ax.BackendUnavailable, match="built without its CUDA"):
        cuda.cuda_module()


def test_missing_libraries_are_named(stand_in):
    stand_in(missing=("libcublas.so.13", "libcublas.so.12"))
    assert "libcublas.so.13: cannot open" in cuda.cuda_problem()
    assert not ax.cuda_available()


def test_the_other_major_version_will_do(stand_in):
    module, calls = stand_in(missing=("libcublas.so.12",), built_with=12040)
    assert cuda.cuda_problem() == ""
    assert [cublas[-1] for _, cublas, _ in calls] == ["libcublas.so.12", "libcublas.so.13"]
    assert cuda.cuda_module() is module


def test_libraries_are_loaded_once_and_wheels_come_first(stand_in, tmp_path, monkeypatch):
    folder = tmp_path / "nvidia" / "cu13" / "lib"
    folder.mkdir(parents=True)
    names = ("libnvJitLink.so.13", "libcublasLt.so.13", "libcublas.so.13", "libcusolver.so.12")
    for name in names:
        (folder / name).touch()
    toolkit = tmp_path / "toolkit"
    (toolkit / "lib64").mkdir(parents=True)
    (toolkit / "lib64" / "libcublas.so.13").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("CUDA_HOME", str(toolkit))
    _, calls = stand_in()
    for _ in range(2):
        assert ax.cuda_available()
    ((preload, cublas, cusolver),) = calls
    # Real wheels of the environment come behind.
    assert preload[:3] == [str(folder / name) for name in names[:3]]
    assert cublas[0] == str(folder / "libcublas.so.13")
    assert str(toolkit / "lib64" / "libcublas.so.13") in cublas[1:-1]
    assert cublas[-1] == "libcublas.so.13"
    assert (cusolver[0], cusolver[-1]) == (str(folder / names[3]), names[3])


def test_an_unknown_device_is_named():
    with pytest.raises(ValueError, match="'tpu'"):
        ax.MLP([2, 3, 1], device="tpu")


def test_cuda_calls_carry_the_stream(stand_in, monkeypatch):
    module, _ = stand_in()
    calls = []
    native = SimpleNamespace(jets=lambda *arguments: calls.append(arguments))
    vars(module)["Plan"] = lambda *_: native
    monkeypatch.setattr(plan, "stream_of", lambda _: (42,))
    laplacian = plan.Plan([1, 2, 1], "tanh", [operators.value(1)], device="cuda")
    laplacian.jets(torch.zeros(7), torch.zeros(3, 1))
    ((_, _, _, stream),) = calls
    assert stream == 42


def test_the_compiled_module_imports_without_a_gpu():
    cuda._module.cache_clear()
    module = cuda._module()
    if isinstance(module, str):
        pytest.skip(module)  # the reason why there is none
    count, reason = module.device_count()
    assert count > 0 or reason
    plan = module.Plan([2, 8, 1], "tanh", [[([0, 0], 1.0)], [([2, 0], 1.0)]])
    assert (plan.n_parameters, plan.n_components) == (33, 3)
    with pytest.raises(ValueError, match="must be a CUDA tensor, got float64"):
        plan.jets(*(torch.zeros(s, dtype=torch.float64) for s in [33, (4, 2), (2, 1, 4)]), 0)
    with pytest.raises(ValueError, match="at most 2\\^31 - 1 parameters"):
        module.Plan([1, 60_000, 60_000, 1], "tanh", [[([0], 1.0)]])


def test_the_compiled_module_has_the_lapack_of_the_other_for_small_matrices():
    module = cuda._module()
    if isinstance(module, str):
        pytest.skip(module)  # the reason why there is none
    assert ensure_lapack(module) == ensure_lapack() == module.lapack_backend()


def test_errors_of_the_compiled_module_are_those_of_the_package():
    module = cuda._module()
    if isinstance(module, str):
        pytest.skip(module)  # the reason why there is none
    with pytest.raises(ax.CudaError, match="CUDA: "):
        module.device_name(4096)
    assert issubclass(ax.OutOfMemoryError, ax.CudaError)


def test_looking_for_cuda_loads_no_library_at_import():
    code = "import sys, anagram_ext; sys.exit('anagram_ext._cuda' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
