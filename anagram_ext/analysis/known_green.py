"""Green's functions in closed form, to hold those of a tangent space against."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


def interval(x: Tensor, y: Tensor) -> Tensor:
    """Of ``-u''`` on [0, 1] with u = 0 at both ends: ``min(x, y) (1 - max(x, y))`` [q, n].

    Args:
        x: base points [q, 1].
        y: points [n, 1].
    """
    return torch.minimum(x, y.T) * (1 - torch.maximum(x, y.T))


def square(x: Tensor, y: Tensor, terms: int = 200) -> Tensor:
    """Of minus the Laplacian on the unit square with u = 0 on its boundary, [q, n].

    ``2 sum_k sin(k pi x_1) sin(k pi y_1) sinh(k pi a) sinh(k pi (1 - b)) / (k pi sinh(k pi))``, a
    and b the lesser and the greater of x_2 and y_2 (Polyanin, "Handbook of Linear PDEs", 2002,
    section 7.2.2). Terms fall like ``exp(-k pi |x_2 - y_2|) / k``: slowly where both agree.

    Args:
        x: base points [q, 2].
        y: points [n, 2].
        terms: of the series.
    """
    k = math.pi * torch.arange(1, terms + 1, dtype=torch.float64)
    low = torch.minimum(x[:, 1, None], y[:, 1])[..., None]  # [q, n, 1]
    high = torch.maximum(x[:, 1, None], y[:, 1])[..., None]
    # The quotient of sinh by exponentials that do not overflow.
    decay = torch.exp(-k * (high - low)) * -torch.expm1(-2 * k * low)
    quotient = decay * torch.expm1(-2 * k * (1 - high)) / (2 * k * torch.expm1(-2 * k))
    waves = torch.sin(k * x[:, 0, None])[:, None] * torch.sin(k * y[:, 0, None])[None]
    return 2 * (waves * quotient).sum(dim=-1)
