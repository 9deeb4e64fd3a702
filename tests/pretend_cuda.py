"""A GPU that is not there: runs the Python code of ``device="cuda"`` on a machine without one.

Tensors of :class:`OnGpu` lie in ordinary memory but say that they are on ``cuda:0``. As on a real
GPU they do not mix with tensors of the CPU and do not turn into arrays, and all that makes the host
wait for them is counted. In the place of the module ``anagram_ext._cuda`` stand its signatures,
which check devices and stream and call the CPU engine. So a step must give the very numbers that it
gives on the CPU.

It shows that the Python code asks for the right things on the right device. It shows nothing about
the CUDA code.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from anagram_ext.native import cuda
from anagram_ext.native.lapack import ensure_lapack
from anagram_ext.native.loading import core
from anagram_ext.native.plan import Plan
from anagram_ext.training import idle_systems

STREAM = 42

# What brings numbers to the host; what a GPU refuses; what may take tensors of both devices.
READS = {"item", "tolist", "equal", "__float__", "__int__", "__bool__", "__index__"}
# What looks at its own outcome before it returns: how many there are, or whether LAPACK failed.
LOOKS = {"nonzero", "masked_select", "unique", "cholesky", "linalg_cholesky", "cholesky_inverse"}
LOOKS |= {"linalg_eigh", "linalg_eigvalsh", "linalg_svd", "linalg_svdvals", "linalg_solve"}
REFUSED = {"numpy", "__array__", "data_ptr"}
MIXES = {"copy_", "__getitem__", "__setitem__"}

host_bytes: list[int] = []  # of each read, in their order
uploads: list[str] = []  # copies to the GPU that the host waits for, by torch's function


class OnGpu(Tensor):
    """A tensor in ordinary memory that passes for one on a GPU."""

    device = torch.device("cuda", 0)
    is_cuda = True

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        """Runs torch's function on the memory as it is, with the rules of a GPU."""
        del types
        kwargs = kwargs or {}
        name = func.__name__
        with torch._C.DisableTorchFunctionSubclass():
            if name in REFUSED:
                raise TypeError(f"can't convert cuda:0 device type tensor: {name}")
            if name == "cpu":
                return _to(args[0], "cpu")
            if name == "to":
                return _to(*args, **kwargs)
            if name in LOOKS or (name == "__getitem__" and _is_mask(args[1])):
                host_bytes.append(4)
            if name in READS:
                host_bytes.append(args[0].nbytes)
                return func(*map(_plain, args))
            if name == "new_tensor":
                uploads.append(name)
            if name not in MIXES:
                _require_one_device(name, [*args, *kwargs.values()])
            return _on_gpu(func(*args, **kwargs))


class PretendGpu(TorchFunctionMode):
    """Makes OnGpu of what torch is asked to make on, or to move to, a GPU."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        """Called for every function of torch while the mode is on."""
        kwargs = kwargs or {}
        for kind in types:
            if not issubclass(kind, Tensor):  # a field of a residual: product code, so still on
                with self:
                    return kind.__torch_function__(func, types, args, kwargs)
        if func.__name__ == "to" and not isinstance(args[0], OnGpu):
            return _to(*args, **kwargs)
        if kwargs.get("device") is not None and torch.device(kwargs["device"]).type == "cuda":
            if func.__name__ in {"tensor", "as_tensor"}:
                uploads.append(func.__name__)
            return _on_gpu(func(*args, **{**kwargs, "device": "cpu"}))
        return func(*args, **kwargs)


def _to(tensor: Tensor, *wishes: Any, non_blocking: bool = False, **named: Any) -> Tensor:
    """Tensor.to for devices, dtypes and tensors of both."""
    device, dtype = tensor.device, tensor.dtype
    for wish in (*wishes, *named.values()):
        if isinstance(wish, Tensor):
            device, dtype = wish.device, wish.dtype
        elif isinstance(wish, torch.dtype):
            dtype = wish
        else:
            device = torch.device(wish)
    if device.type not in ("cpu", "cuda"):
        return _plain(tensor).to(device, dtype)
    converted = tensor.as_subclass(Tensor).to(dtype=dtype)
    if device.type == tensor.device.type:
        return _on_gpu(converted) if device.type == "cuda" else converted
    if device.type == "cpu":
        host_bytes.append(tensor.nbytes)
        return converted.clone()
    if not non_blocking:
        uploads.append("to")
    return converted.clone().as_subclass(OnGpu)


def _is_mask(index: Any) -> bool:
    return isinstance(index, Tensor) and index.dtype == torch.bool


def _plain(value: Any) -> Any:
    return value.as_subclass(Tensor) if isinstance(value, OnGpu) else value


def _on_gpu(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value if isinstance(value, OnGpu) else value.as_subclass(OnGpu)
    if isinstance(value, (list, tuple)):
        return type(value)([_on_gpu(item) for item in value])
    return value


def _tensors(values: Iterable[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _tensors(value)


def _require_one_device(name: str, values: Iterable[Any]) -> None:
    on_cpu = [t for t in _tensors(values) if not isinstance(t, OnGpu) and t.ndim > 0]
    if on_cpu:  # a number may come from anywhere
        raise RuntimeError(f"Expected all tensors to be on the same device in {name}: cuda:0, cpu")


def _checked(stream: int, *tensors: Tensor) -> list[Tensor]:
    """The tensors as the CPU engine takes them."""
    assert stream == STREAM
    assert all(isinstance(t, OnGpu) for t in tensors)
    return [_plain(t) for t in tensors]


class _Plan:
    def __init__(self, widths, activation, operators, mapped=False):
        self._native = core.Plan(widths, activation, operators, mapped)

    slots = property(lambda self: self._native.slots)

    def jets(self, theta, points, out, stream):
        self._native.jets(*_checked(stream, theta, points, out))

    def jets_many(self, thetas, points, out, stream):
        self._native.jets_many(*_checked(stream, thetas, points, out))

    def jacobian(self, theta, points, seeds, j, stream):
        self._native.jacobian(*_checked(stream, theta, points, seeds, j))

    def vjp(self, theta, points, seeds, w, out, stream):
        self._native.vjp(*_checked(stream, theta, points, seeds, w, out))

    def jvp(self, theta, points, seeds, v, out, stream):
        self._native.jvp(*_checked(stream, theta, points, seeds, v, out))


class _Factorisation:
    core_type: type[core.Factorisation]

    def __init__(self, J, relative, absolute, stream):
        self._native = self.core_type(*_checked(stream, J), relative, absolute)

    @classmethod
    def of_tiles(cls, tile, tile_rows, columns, relative, absolute, stream):
        made = cls.__new__(cls)
        made._native = cls.core_type.of_tiles(
            lambda i: _checked(stream, tile(i))[0], tile_rows, columns, relative, absolute
        )
        return made

    def __len__(self):
        return len(self._native)

    shape = property(lambda self: self._native.shape)
    method = property(lambda self: self._native.method)
    searched = property(lambda self: self._native.searched)

    def singular_values(self, out):
        assert not isinstance(out, OnGpu)
        self._native.singular_values(out)

    def project(self, r, out, stream, finite=False):
        self._native.project(*_checked(stream, r, out), finite=finite)

    def expand(self, y, out, stream):
        self._native.expand(*_checked(stream, y, out))

    def pull(self, x, out, stream):
        self._native.pull(*_checked(stream, x, out))

    def push(self, y, out, stream):
        self._native.push(*_checked(stream, y, out))


class _FactorisationF64(_Factorisation):
    core_type = core.FactorisationF64


class _FactorisationF32(_Factorisation):
    core_type = core.FactorisationF32


def _module() -> ModuleType:
    module = ModuleType("pretended _cuda")
    vars(module).update(
        built_with=13000,
        device_count=lambda: (2, ""),
        load=lambda *_: "",
        lapack_backend=core.lapack_backend,
        Plan=_Plan,
        FactorisationF64=_FactorisationF64,
        FactorisationF32=_FactorisationF32,
    )
    return module


@contextmanager
def pretended_gpu(memory: int = 80 * 10**9, index: int = 0) -> Iterator[None]:
    """For a while there are two GPUs with that many bytes of memory, half of them free.

    All tensors are on the GPU of that number.
    """
    ensure_lapack()
    module = _module()
    gpu = torch.device("cuda", index)

    def current_stream(device: torch.device) -> SimpleNamespace:
        assert torch.device(device) == gpu
        return SimpleNamespace(cuda_stream=STREAM)

    with pytest.MonkeyPatch.context() as patch, PretendGpu():
        patch.setattr(cuda, "_module", lambda: module)
        patch.setattr(OnGpu, "device", gpu)
        patch.setattr(torch.cuda, "current_stream", current_stream)
        patch.setattr(torch.cuda, "mem_get_info", lambda *_: (memory // 2, memory))
        host_bytes.clear()
        uploads.clear()
        _forget()
        try:
            yield
        finally:
            _forget()


def _forget() -> None:
    """Plans and systems are kept for the next call: those of another GPU must not be."""
    Plan.cached.cache_clear()
    idle_systems.forget()
