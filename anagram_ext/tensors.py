"""Checks of the tensors that callers hand in: type, shape, dtype, device, finite values."""

from __future__ import annotations

import torch
from torch import Tensor

DTYPES = (torch.float64, torch.float32)


def check_points(argument: str, points: Tensor, dimension: int, device: str = "cpu") -> None:
    """Raises unless `points` is a finite float64 or float32 tensor [n, dimension].

    It may lie on `device` or on the CPU.

    Raises:
        TypeError: if it is no tensor, or of another dtype.
        ValueError: for another shape or device, or a value that is not finite.
    """
    if not isinstance(points, Tensor):
        raise TypeError(f"{argument} must be a tensor, got {type(points).__name__}")
    if points.dtype not in DTYPES:
        raise TypeError(f"{argument} must be float64 or float32, got {points.dtype}")
    if points.ndim != 2 or points.shape[1] != dimension:
        raise ValueError(f"{argument} must have shape [n, {dimension}], got {list(points.shape)}")
    if points.device.type != "cpu":
        _check_device(argument, points, device)
    finite = torch.isfinite(points).all(dim=1)
    if not bool(finite.all()):
        row = int((~finite).nonzero()[0, 0])
        raise ValueError(f"{argument} must be finite, got {points[row].tolist()} in row {row}")


def check_theta(
    theta: Tensor, shape: tuple[int, ...], dtype: torch.dtype, device: str = "cpu"
) -> None:
    """Raises unless `theta` is a tensor of the given shape, dtype and device.

    Raises:
        TypeError: if it is no tensor, or of another dtype than the model.
        ValueError: for another shape or device.
    """
    if not isinstance(theta, Tensor):
        raise TypeError(f"theta must be a tensor, got {type(theta).__name__}")
    if theta.dtype != dtype:
        raise TypeError(f"theta must be {dtype} like the model, got {theta.dtype}")
    if theta.shape != shape:
        raise ValueError(f"theta must have shape {list(shape)}, got {list(theta.shape)}")
    _check_device("theta", theta, device)


def _check_device(argument: str, tensor: Tensor, device: str) -> None:
    if tensor.device.type != device:
        where = "on the CPU" if device == "cpu" else f"on device {device!r} like the model"
        raise ValueError(f"{argument} must be {where}, got device {tensor.device}")
