"""Whether the residual of a torch module hides derivatives from autograd: differences tell.

As ``systems/differences.py`` does for residuals of fields, along random directions of theta.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch

from anagram_ext.systems.differences import SHARE, compared, random_numbers

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.systems.module_residual import ModuleResidual

# Parameters act through one another: of their size a difference has to be so much shorter than of
# jets, or its lengths disagree in single precision.
_SHORT: Final = 0.1


def hiding_tensors(residual: ModuleResidual) -> list[int]:
    """Which of the tensors that a residual returns have other derivatives than autograd says.

    Each at a good part of its numbers, near the parameters that the module has and along two
    directions. Where the residual cannot be evaluated there, or not be differentiated twice, nobody
    knows, and nothing is said.
    """
    rng = torch.Generator().manual_seed(0)
    theta = residual.flat.theta()
    try:
        first = _hiding(residual, theta, rng)
        return sorted(first & _hiding(residual, theta, rng)) if first else []
    except Exception:  # whatever a module raises at other parameters than its own
        return []


def _hiding(residual: ModuleResidual, theta: Tensor, rng: torch.Generator) -> set[int]:
    """The same, along one direction."""
    size = torch.where(theta == 0, 1.0, theta.abs())  # of each parameter
    # Aside of zero, where biases begin, and where the kink of ReLU is.
    at = theta + (0.02 + 0.01 * random_numbers(theta.shape, theta, rng).abs().clamp(max=3)) * size
    along = _SHORT * random_numbers(theta.shape, theta, rng) * size
    slopes, values = _slopes(residual, at, along)
    wrong, known = compared(residual.values, at, along, slopes, values.abs())
    return {
        k
        for k, rows in enumerate(residual.slices)
        if int(wrong[rows].sum()) > SHARE * int(known[rows].sum())
    }


def _slopes(residual: ModuleResidual, theta: Tensor, along: Tensor) -> tuple[Tensor, Tensor]:
    """What autograd says of J v, and r, both [S].

    By the derivative of ``J^T w`` in w: reverse mode is what all other ways to J are checked
    against, and forward mode does not know every operation.
    """
    point = residual.point(theta)
    w = torch.zeros_like(point.residual, requires_grad=True)
    (pulled,) = torch.autograd.grad(point.residual @ w, point.theta, create_graph=True)
    (slopes,) = torch.autograd.grad(pulled @ along, w)
    return slopes, point.residual.detach()
