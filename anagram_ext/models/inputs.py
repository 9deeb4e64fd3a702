"""Input maps: a network that sees features phi(x) of the coordinates instead of the coordinates.

``u(x) = N(phi(x))`` with any pointwise line of torch for phi. The engine carries jets through the
network, and the jet of a feature differs from point to point: it is made once for a point set, and
goes into the first layer in the place of the point.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from anagram_ext.checks import check_kind
from anagram_ext.models.affine import Affine
from anagram_ext.models.embedded import EmbeddedJets
from anagram_ext.models.features import Fourier, Periodic, Scaled
from anagram_ext.models.input_jets import (
    Features,
    check_features,
    feature_jets,
    feature_values,
    wave_jets,
)
from anagram_ext.native.plan import Plan

if TYPE_CHECKING:
    from anagram_ext.models.feature_units import FeatureUnits
    from anagram_ext.models.mlp import MLP
    from anagram_ext.models.protocol import JetMap
    from anagram_ext.pde.operators import Operator

_NAMED: tuple[type[Periodic | Fourier | Scaled], ...] = (Periodic, Fourier, Scaled)


@dataclass(frozen=True)
class InputMap:
    """What the first layer of a network sees of the coordinates.

    Attributes:
        function: takes ``x`` (``x.t`` and ``x["t"]`` are tensors [n]) and returns the features as
            a tuple of tensors [n] or one tensor [n, f], in plain torch. A feature at a point
            depends on that point alone, and has the derivatives that the problem asks for.
    """

    function: Features

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise TypeError(
                f"inputs must be a function of the coordinates or a map such as periodic(x=2.0), "
                f"got {self.function!r}"
            )

    @staticmethod
    def of(inputs: InputMap | Features) -> InputMap:
        """The map itself, or the one that a function of the coordinates makes.

        Raises:
            TypeError: for anything that cannot be called.
        """
        return inputs if isinstance(inputs, InputMap) else InputMap(inputs)

    def __call__(self, coordinates: tuple[str, ...], points: Tensor) -> Tensor:
        """The features [n, f] at points [n, d], without a graph.

        Raises:
            TypeError, ValueError: for a function that keeps no rule of features.
        """
        with torch.no_grad():
            return torch.stack(feature_values(self.function, coordinates, points), dim=1)

    def n_features(self, coordinates: tuple[str, ...]) -> int:
        """How many features it makes of these coordinates.

        Raises:
            TypeError, ValueError: for a function that keeps no rule of features.
        """
        probe = torch.linspace(0.3, 0.7, 3, dtype=torch.float64)
        return self(coordinates, probe[:, None].repeat(1, len(coordinates))).shape[1]

    def affine(self, coordinates: tuple[str, ...]) -> Affine | None:
        """The change of coordinates that it is; None for all but ``scaled``."""
        return self.function.affine(coordinates) if isinstance(self.function, Scaled) else None

    def to_dict(self) -> dict[str, Any] | None:
        """Name and parameters as plain data for a file; None for a function of the user's."""
        if not isinstance(self.function, _NAMED):
            return None
        return {"name": self.function.name, **self.function.parameters()}

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> InputMap:
        """The map that ``to_dict`` described.

        Raises:
            ValueError: for an unknown name, or missing, unknown or wrong parameters.
            TypeError: for parameters of another kind.
        """
        check_kind("inputs", data, Mapping, "a mapping with a name and parameters")
        given = dict(data)
        name = given.pop("name", None)
        for kind in _NAMED:
            if kind.name == name and given.keys() == {field.name for field in fields(kind)}:
                return InputMap(kind.made(**given))
        raise ValueError(f"inputs must describe a map such as periodic, got {dict(data)}")


def periodic(*, harmonics: int = 1, **periods: float) -> InputMap:
    """A network that is periodic in the coordinates named, exactly and with all derivatives.

    In the place of x stand cos(2 pi x / L), sin(2 pi x / L), and with more harmonics those of
    2 x, 3 x, ...: ``periodic(x=2.0)`` makes (t, cos, sin) of (t, x). Other coordinates pass
    unchanged.

    Args:
        harmonics: pairs of cosine and sine for each coordinate.
        periods: the period L of each coordinate, by name.

    Raises:
        TypeError: for a period that is no number.
        ValueError: for one that is not positive and finite, or none at all.
    """
    return InputMap(Periodic.made(periods, harmonics))


def fourier(n: int, /, *, seed: int = 0, **scales: float) -> InputMap:
    """Random Fourier features, for solutions with finer structure than a plain network finds.

    The features are cos(2 pi b . x) and sin(2 pi b . x) for n random b with independent normal
    components (Tancik et al., arXiv 2006.10739): ``fourier(16, x=1.0, y=1.0)`` makes 32 features
    of (x, y). Coordinates that are not named pass unchanged and come first.

    Args:
        n: number of directions b; there are two features of each.
        seed: of the random directions.
        scales: standard deviation of the components of b, in cycles per unit of each coordinate.

    Raises:
        TypeError: for a scale that is no number, or a number n or seed that is no integer.
        ValueError: for a scale that is not positive and finite, or none at all, or n below 1.
    """
    return InputMap(Fourier.made(n, seed, scales))


def scaled(**ranges: tuple[float, float]) -> InputMap:
    """Coordinates stretched so that their ranges become [-1, 1]: ``scaled(x=(0, 1e6))``.

    It costs nothing: the engine gets other operators and other points. Coordinates that are not
    named pass unchanged.

    Args:
        ranges: lowest and highest value of each coordinate, by name.

    Raises:
        TypeError: for a range that is no pair of numbers.
        ValueError: for a pair that is not finite or not increasing, or no range at all.
    """
    return InputMap(Scaled.made(ranges))


def embedded_jets(
    mlp: MLP,
    input_map: InputMap,
    coordinates: tuple[str, ...],
    wanted: Sequence[Operator],
    units: FeatureUnits | None = None,
) -> JetMap:
    """The map from parameters to derivatives of N(phi(x)), at points [n, d] of the coordinates.

    Args:
        mlp: the network N; its first width is the number of features.
        input_map: phi.
        coordinates: names of the d coordinates.
        wanted: the K operators, in the coordinates.
        units: of the features; as they are by default.

    Raises:
        TypeError, ValueError: for a map that keeps no rule of features, gives another number of
            them than the network takes, or operators of other coordinates.
    """
    features = input_map.n_features(coordinates)
    if features != mlp.n_inputs:
        raise ValueError(
            f"inputs must give the network as many features as its first width, {mlp.n_inputs}, "
            f"got {features}"
        )
    if any(len(index) != len(coordinates) for operator in wanted for index, _ in operator.terms):
        raise ValueError(f"wanted must hold operators of the coordinates {coordinates}")
    shape = (tuple(mlp.widths), mlp.activation)
    affine = input_map.affine(coordinates)
    if affine is not None:
        affine = affine if units is None else units.affine(affine)
        plan = Plan.cached(*shape, affine.operators(wanted), mlp.device)
        return EmbeddedJets(plan, len(coordinates), affine.points)
    plan = Plan.cached(*shape, tuple(wanted), mlp.device, mapped=True)
    prepare = _prepared(input_map.function, coordinates, plan)
    if units is None:
        return EmbeddedJets(plan, len(coordinates), prepare)
    return EmbeddedJets(plan, len(coordinates), lambda x: units.jets(prepare(x), plan.slots))


def _prepared(
    function: Features, coordinates: tuple[str, ...], plan: Plan
) -> Callable[[Tensor], Tensor]:
    """What a mapped plan takes for points."""
    if isinstance(function, (Periodic, Fourier)):
        waves = function.waves(coordinates)
        return partial(wave_jets, waves, coordinates, slots=plan.slots)
    return _JetsOfFeatures(function, coordinates, plan)


class _JetsOfFeatures:
    """What a mapped plan takes for points; the first set of points tries the function."""

    def __init__(self, function: Features, coordinates: tuple[str, ...], plan: Plan) -> None:
        self._function, self._coordinates = function, coordinates
        self._slots, self._checked = plan.slots, False

    def __call__(self, points: Tensor) -> Tensor:
        if not self._checked and len(points):
            check_features(self._function, self._coordinates, points)
            self._checked = len(points) > 1  # a single point has no others to depend on
        return feature_jets(self._function, self._coordinates, points, self._slots)
