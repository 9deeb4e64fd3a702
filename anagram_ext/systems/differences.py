"""Whether the derivatives of a residual are those of its values: differences tell.

A residual may hide from autograd what it does with a field: ``u.d("t").detach()``, a detour through
NumPy, ``torch.tensor(u.tolist())``. Its values are right and its Jacobian is not, so that training
stalls for no reason that anybody can see. Along a random direction of the jets a central difference
says what the derivative has to be.

A difference is no derivative next to a kink, where rounding errors are large, or where the residual
oscillates within its length. There differences of several lengths disagree; only where they agree,
and all disagree with autograd, something is missing. A kink is met by few points, and few are those
where lengths agree by chance: one in ten has to say the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from anagram_ext.systems.jet_residual import JetResidual, components_at

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from anagram_ext.pde.coordinates import Coordinates
    from anagram_ext.systems.jet_residual import PointwiseResidual

# By dtype: half of the longest difference, for jets of about one, and the share of a derivative by
# which it has to be wrong.
LENGTH: Final = {torch.float64: 1e-4, torch.float32: 2e-2}
WRONG: Final = {torch.float64: 1e-3, torch.float32: 5e-2}
SHORTER: Final = (1.0, 0.6, 0.37, 0.21)  # the lengths; no ratio of two is near that of integers
AGREE: Final = 0.1  # of a difference: by so much they differ among each other at most
SURE: Final = 30.0  # and so many times less than from autograd
SHARE: Final = 0.1  # of the points that have to say so


def hides_derivatives(
    found: PointwiseResidual, coordinates: Coordinates, jets: Tensor, rng: torch.Generator
) -> bool:
    """Whether autograd misses derivatives of a residual at a good part of its points.

    Args:
        found: the residual.
        coordinates: its n points.
        jets: two sets of jets at which it makes sense, [2, K, m, n].
        rng: of the directions.
    """
    parts = [
        _at(found, coordinates, _aside(found, one, rng), along)
        for one in jets
        for along in _directions(found, one, rng)
    ]
    wrong, known = zip(*parts, strict=True)
    counted = torch.cat(known, dim=1)  # [C, 2 n]
    n_known, n_wrong = counted.sum(dim=1), torch.cat(wrong, dim=1).sum(dim=1)
    return bool(((n_wrong >= 2) & (n_wrong > SHARE * n_known)).any())


def compared(
    values: Callable[[Tensor], Tensor], at: Tensor, along: Tensor, slopes: Tensor, size: Tensor
) -> tuple[Tensor, Tensor]:
    """Where derivatives along a direction are wrong, and where they are known; as the values.

    Args:
        values: the function.
        at: where the derivatives are taken.
        along: the direction, of the same shape.
        slopes: what autograd says, of the shape of the values.
        size: of the values there, for their rounding errors.
    """
    lengths = [LENGTH[at.dtype] * share for share in SHORTER]
    changes = [(values(at + h * along) - values(at - h * along)) / (2 * h) for h in lengths]
    differences = torch.stack(changes)  # [lengths, ...]
    spread = differences.amax(dim=0) - differences.amin(dim=0)
    sizes = differences.abs()
    off = (differences - slopes).abs().amin(dim=0)
    rounding = 100 * torch.finfo(at.dtype).eps * size / lengths[-1]
    known = differences.isfinite().all(dim=0) & slopes.isfinite()
    agree = (spread < AGREE * sizes.amin(dim=0)) & (SURE * spread < off)
    wrong = off > WRONG[at.dtype] * sizes.amax(dim=0).maximum(slopes.abs())
    return known & agree & wrong & (off > rounding), known


def _at(
    found: PointwiseResidual, coordinates: Coordinates, jets: Tensor, along: Tensor
) -> tuple[Tensor, Tensor]:
    """Where the derivative [C, n] along a direction is wrong, and where it is known."""
    slopes, size = _slopes(found, coordinates, jets, along)
    return compared(lambda at: components_at(found, coordinates, at), jets, along, slopes, size)


def _aside(found: PointwiseResidual, jets: Tensor, rng: torch.Generator) -> Tensor:
    """Jets [K, m, n] whose unknown coefficients are not quite what they begin with.

    Somebody chose that, and it may be where a kink is, as 0 is that of ``torch.relu``.
    """
    sizes = _sizes_of_unknowns(found, jets)
    first = jets.shape[1] - len(sizes)
    by = 0.02 + 0.01 * random_numbers(jets[:, first:].shape, jets, rng).abs().clamp(max=3)
    return torch.cat([jets[:, :first], jets[:, first:] + by * sizes], dim=1)


def _directions(found: PointwiseResidual, jets: Tensor, rng: torch.Generator) -> list[Tensor]:
    """A random direction of the fields, and one of unknown coefficients where there are some."""
    sizes = _sizes_of_unknowns(found, jets)
    first = jets.shape[1] - len(sizes)
    along = random_numbers(jets.shape, jets, rng)
    none = torch.zeros_like(along)
    fields = torch.cat([along[:, :first], none[:, first:]], dim=1)
    unknowns = torch.cat([none[:, :first], along[:, first:] * sizes], dim=1)
    return [fields, unknowns] if len(sizes) else [fields]


def _sizes_of_unknowns(found: PointwiseResidual, jets: Tensor) -> Tensor:
    """The sizes of the first guesses, [unknowns, 1]; one for those that begin at zero."""
    sizes = [abs(start) or 1.0 for start in found.signature.base.starts]
    return torch.tensor(sizes).to(jets)[:, None]


def _slopes(
    found: PointwiseResidual, coordinates: Coordinates, jets: Tensor, along: Tensor
) -> tuple[Tensor, Tensor]:
    """What autograd says of the derivatives along a direction, [C, n], and how large r is there."""
    wired = JetResidual(found, coordinates)
    wired.jets.copy_(jets)
    seeds = jets.new_zeros((found.n_components, *jets.shape))
    values = wired.derivatives(jets.new_ones(jets.shape[-1]), [wired.places(s) for s in seeds])
    return (seeds * along).sum(dim=(1, 2)), torch.stack(values).abs()


def random_numbers(shape: Sequence[int], like: Tensor, rng: torch.Generator) -> Tensor:
    """Normal ones in the dtype of another tensor, and where that is."""
    # Drawn on the CPU: the same numbers on every device.
    return torch.randn(shape, generator=rng, dtype=like.dtype).to(like.device)
