"""Features of the coordinates that have a name and parameters, so that a file can hold them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import torch
from torch import Tensor

from anagram_ext.checks import (
    check_integer,
    check_kind,
    check_seed,
    finite_number,
    positive_and_finite,
)
from anagram_ext.models.affine import Affine
from anagram_ext.models.waves import Waves, periods_of
from anagram_ext.pde.coordinates import Coordinates

MOST: Final = 10**6  # directions or harmonics


@dataclass(frozen=True)
class Periodic:
    """Cosines and sines of some coordinates in their place; see ``inputs.periodic``."""

    periods: tuple[tuple[str, float], ...]
    harmonics: int
    name: ClassVar[str] = "periodic"

    @classmethod
    def made(cls, periods: Mapping[str, float], harmonics: int) -> Periodic:
        """Of checked arguments."""
        checked = _positive("periodic: period", periods)
        return cls(checked, _count("harmonics", harmonics))

    def __call__(self, x: Coordinates) -> Tensor:
        """The features [n, f]."""
        return _values(self.waves(x.names), x)

    def waves(self, names: tuple[str, ...]) -> Waves:
        """The same map of coordinates of these names."""
        periods, d, k = dict(self.periods), len(names), self.harmonics
        _check_known(self.name, periods, names)
        waving = [i for i, name in enumerate(names) if name in periods]
        vectors = torch.cat([periods_of(i, d, periods[names[i]], k) for i in waving])
        w, chosen = len(vectors), []
        for i in range(d):
            if i in waving:
                first = d + waving.index(i) * k
                chosen += [wave for j in range(first, first + k) for wave in (j, j + w)]
            else:
                chosen.append(i)
        return Waves(vectors, tuple(chosen))

    def parameters(self) -> dict[str, Any]:
        """As plain data."""
        return {"periods": dict(self.periods), "harmonics": self.harmonics}


@dataclass(frozen=True)
class Fourier:
    """Cosines and sines of random directions; see ``inputs.fourier``."""

    n: int
    seed: int
    scales: tuple[tuple[str, float], ...]
    name: ClassVar[str] = "fourier"

    @classmethod
    def made(cls, n: int, seed: int, scales: Mapping[str, float]) -> Fourier:
        """Of checked arguments."""
        checked = _positive("fourier: scale", scales)
        return cls(_count("n", n), check_seed(seed), checked)

    def __call__(self, x: Coordinates) -> Tensor:
        """The features [n, f]."""
        return _values(self.waves(x.names), x)

    def waves(self, names: tuple[str, ...]) -> Waves:
        """The same map of coordinates of these names."""
        scales, d = dict(self.scales), len(names)
        _check_known(self.name, scales, names)
        vectors = torch.zeros((self.n, d), dtype=torch.float64)
        vectors[:, [names.index(name) for name in scales]] = 2 * math.pi * self.frequencies()
        rest = [i for i, name in enumerate(names) if name not in scales]
        return Waves(vectors, (*rest, *range(d, d + 2 * self.n)))

    def frequencies(self) -> Tensor:
        """Cycles per unit length of each direction, [n, coordinates named]."""
        rng = torch.Generator().manual_seed(self.seed)
        unit = torch.randn((self.n, len(self.scales)), generator=rng, dtype=torch.float64)
        return unit * torch.tensor([scale for _, scale in self.scales], dtype=torch.float64)

    def parameters(self) -> dict[str, Any]:
        """As plain data."""
        return {"n": self.n, "seed": self.seed, "scales": dict(self.scales)}


@dataclass(frozen=True)
class Scaled:
    """Ranges of some coordinates stretched to [-1, 1]; see ``inputs.scaled``."""

    ranges: tuple[tuple[str, float, float], ...]
    name: ClassVar[str] = "scaled"

    @classmethod
    def made(cls, ranges: Mapping[str, Sequence[float]]) -> Scaled:
        """Of checked arguments."""
        checked = []
        for name, bounds in _items("scaled: ranges", ranges):
            what = f"inputs: scaled: range of {name}"
            if not isinstance(bounds, (tuple, list)) or len(bounds) != 2:
                raise TypeError(f"{what} must be a pair of numbers, got {bounds!r}")
            try:
                low, high = (finite_number(what, bound) for bound in bounds)
            except ValueError:
                low = high = math.inf
            if not (low < high and math.isfinite(high - low)):
                raise ValueError(f"{what} must increase and be finite, got {bounds!r}")
            checked.append((name, low, high))
        return cls(tuple(checked))

    def __call__(self, x: Coordinates) -> list[Tensor]:
        """The features, [n] each."""
        affine = self.affine(x.names)
        return [
            (x[name] - shift) * factor
            for name, shift, factor in zip(x.names, affine.shift, affine.factor, strict=True)
        ]

    def affine(self, names: tuple[str, ...]) -> Affine:
        """The same map, as a change of the coordinates of these names."""
        ranges = {name: (low, high) for name, low, high in self.ranges}
        _check_known(self.name, ranges, names)
        bounds = [ranges.get(name, (-1.0, 1.0)) for name in names]
        return Affine(
            tuple(low + (high - low) / 2 for low, high in bounds),
            tuple(2 / (high - low) for low, high in bounds),
        )

    def parameters(self) -> dict[str, Any]:
        """As plain data."""
        return {"ranges": {name: [low, high] for name, low, high in self.ranges}}


def _count(what: str, value: object) -> int:
    count = check_integer(f"inputs: {what}", value, least=1)
    if count > MOST:
        raise ValueError(f"inputs: {what} must be at most {MOST}, got more")
    return count


def _values(waves: Waves, x: Coordinates) -> Tensor:
    return waves.derivatives(x.points)((0,) * len(x.names))


def _check_known(name: str, named: Iterable[str], coordinates: tuple[str, ...]) -> None:
    unknown = [word for word in named if word not in coordinates]
    if unknown:
        raise ValueError(
            f"inputs: {name} must name coordinates, got {unknown[0]!r}: there are {coordinates}"
        )


def _positive(what: str, named: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    checked = []
    for name, value in _items(f"{what}s", named):
        number = positive_and_finite(f"inputs: {what} of {name}", value)
        checked.append((name, number))
    return tuple(checked)


def _items(what: str, named: Mapping[str, object]) -> list[tuple[str, object]]:
    check_kind(f"inputs: {what}", named, Mapping, "a mapping by coordinate name")
    if not named:
        raise ValueError(f"inputs: {what} must name at least one coordinate, got none")
    return list(named.items())
