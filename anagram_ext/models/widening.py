"""More neurons for a network without another function: the new ones lead nowhere at first.

Their weights into the next layer are zero, those into themselves what a fresh network has. So the
function and all its derivatives stay, and the tangent space grows by what the new neurons see of
the points. Source: T. Chen, I. Goodfellow & J. Shlens,
"Net2Net: accelerating learning via knowledge transfer" (ICLR 2016), who split neurons instead; a
split one adds nothing to the tangent space but its own directions again.
"""

from __future__ import annotations

import itertools
import math
import operator
from typing import TYPE_CHECKING, Final

import torch

from anagram_ext.checks import check_kind, finite_number, integers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


MOST: Final = 10**6  # neurons of a layer: beyond what anybody trains


def wider(widths: Sequence[int], by: float | Sequence[int]) -> tuple[int, ...]:
    """The widths of the larger network.

    Args:
        widths: inputs, hidden widths, outputs.
        by: a factor of the hidden widths, of which each grows by one at least; or the new widths,
            inputs and outputs included.

    Raises:
        TypeError: ``by`` is neither.
        ValueError: there is no hidden layer, the factor is not above one, or the widths are not as
            many, have other inputs or outputs, or a smaller layer.
    """
    if len(widths) < 3:
        raise ValueError(f"widths must hold a hidden layer to widen, got {tuple(widths)}")
    check_kind("by", by, (int, float, list, tuple), "a factor or the new widths")
    if not isinstance(by, (int, float)):
        found = integers("by", by, least=1)
        as_many = len(found) == len(widths)
        ends_stay = (found[:1], found[-1:]) == (tuple(widths[:1]), tuple(widths[-1:]))
        if not (as_many and ends_stay and all(map(operator.le, widths, found))):
            raise ValueError(f"by must be widths from {tuple(widths)} upwards, got {found}")
        return found
    factor = finite_number("by", by)
    if not factor > 1:
        raise ValueError(f"by must be a factor above 1, got {by}")
    if factor * max(widths) > MOST:
        raise ValueError(f"by must make layers of at most {MOST} neurons, got {by}")
    hidden = [max(width + 1, round(factor * width)) for width in widths[1:-1]]
    return (widths[0], *hidden, widths[-1])


def widened_parameters(
    theta: Tensor, old: Sequence[int], new: Sequence[int], seed: int = 0
) -> Tensor:
    """The parameters of the larger network with the function of the smaller one.

    Args:
        theta: of the smaller one, [P].
        old: its widths.
        new: those of the larger one.
        seed: of the weights and biases of the new neurons.

    Returns:
        The parameters, in dtype and on device of ``theta``.
    """
    rng = torch.Generator().manual_seed(seed)
    layers = list(zip(itertools.pairwise(old), itertools.pairwise(new), strict=True))
    parts: list[Tensor] = []
    end = 0
    for (fan_in, fan_out), (new_in, new_out) in layers:
        weight = theta[end : end + fan_in * fan_out].view(fan_out, fan_in)
        end += fan_in * fan_out
        bias = theta[end : end + fan_out]
        end += fan_out
        larger = _random((new_out, new_in), math.sqrt(6 / (new_in + new_out)), weight, rng)
        larger[:fan_out, :fan_in] = weight
        larger[:fan_out, fan_in:] = 0.0
        longer = _random((new_out,), 1 / math.sqrt(new_in), bias, rng)
        longer[:fan_out] = bias
        parts += [larger.flatten(), longer]
    return torch.cat(parts)


def _random(shape: tuple[int, ...], bound: float, like: Tensor, rng: torch.Generator) -> Tensor:
    """Uniform numbers within a bound, in dtype and on device of ``like``."""
    values = bound * (2 * torch.rand(shape, generator=rng, dtype=torch.float64) - 1)
    return values.to(like)
