"""Numbers between the host and a GPU, such that the host waits as rarely as can be.

A read waits until the GPU has done all that it was given so far: some ten microseconds in which it
gets no new work. So numbers that are wanted together are read together. A copy to the GPU needs no
wait: CUDA takes the numbers out of ordinary memory before the call returns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


def read(*tensors: Tensor) -> list[Tensor]:
    """The tensors on the CPU: from a GPU all in one copy, otherwise as they are.

    Args:
        tensors: of one dtype, on one device.
    """
    if tensors[0].device.type == "cpu":
        return list(tensors)
    joined = torch.cat([tensor.reshape(-1) for tensor in tensors]).cpu()
    parts = torch.split(joined, [tensor.numel() for tensor in tensors])
    return [part.view(tensor.shape) for part, tensor in zip(parts, tensors, strict=True)]


def uploaded(values: Sequence[float] | Tensor, like: Tensor) -> Tensor:
    """Numbers of the host in the dtype and on the device of ``like``; nobody waits."""
    there = values if isinstance(values, torch.Tensor) else torch.tensor(values, dtype=like.dtype)
    return there.to(like.device, like.dtype, non_blocking=True)
