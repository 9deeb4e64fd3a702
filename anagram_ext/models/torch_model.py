"""Any torch module as the model of a problem."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor, nn

from anagram_ext.checks import DTYPES, check_integer, check_points, check_theta, device_name
from anagram_ext.models.flat_module import FlatModule
from anagram_ext.models.mlp import MLP, checked_names
from anagram_ext.models.torch_jets import TorchJets
from anagram_ext.pde import operators

if TYPE_CHECKING:
    from anagram_ext.models.protocol import JetMap, Layout
    from anagram_ext.pde.coordinates import Coordinates
    from anagram_ext.pde.derivative import Lookup
    from anagram_ext.pde.operators import Operator
    from anagram_ext.pde.problem import Problem
    from anagram_ext.pde.unknown import Unknown


MOST_INPUTS: Final = 10**6


@dataclass(frozen=True, eq=False)
class TorchModel:
    """A ``torch.nn.Module`` from points [n, d] to values [n, m], each point by itself.

    theta [P] holds its trainable parameters, see ``FlatModule``. Where the module is one that
    ``MLP.from_torch`` takes, the engine computes; else torch.func, which is slower by one or two
    orders of magnitude.

    Attributes:
        module: the module, in evaluation mode if it has layers such as dropout.
        n_inputs: d.
        coordinates: names of the inputs; training sets those of the problem.

    Raises:
        TypeError: no module, a module that returns no tensor, or parameters of another dtype.
        ValueError: a module that does not map each point by itself to a row of values, gives other
            values the second time, changes its buffers, or has nothing to train.
    """

    module: nn.Module
    n_inputs: int
    coordinates: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if check_integer("n_inputs", self.n_inputs, least=1) > MOST_INPUTS:
            raise ValueError(f"n_inputs must be at most {MOST_INPUTS}, got {self.n_inputs}")
        _check_map(self.flat, self._samples())

    @cached_property
    def flat(self) -> FlatModule:
        """The module with its parameters as one vector."""
        return FlatModule(self.module)

    @property
    def dtype(self) -> torch.dtype:
        """Of parameters, points and values."""
        return self.flat.dtype

    @property
    def device(self) -> str:
        """Where they are."""
        return self.flat.device

    @property
    def n_parameters(self) -> int:
        """P, frozen parameters not counted."""
        return self.flat.n_parameters

    @cached_property
    def n_outputs(self) -> int:
        """Number m of fields."""
        samples = self._samples()
        values: Tensor = self.flat.call(self.init(0), lambda module: module(samples))
        return values.shape[1]

    @property
    def n_channels(self) -> int:
        """The outputs: the module alone stands for the fields."""
        return self.n_outputs

    @property
    def layout(self) -> Layout:
        """Which part of theta [P] belongs to which parameter of the module, by its name."""
        return self.flat.layout

    @property
    def unknowns(self) -> Mapping[str, Unknown]:
        """None."""
        return {}

    def bound(self, problem: Problem, device: str | None = None) -> TorchModel:
        """The same module with the coordinates of a problem.

        Raises:
            ValueError: it does not map the problem's coordinates to its fields, is on another
                device, or the problem has unknown coefficients.
        """
        expected = (len(problem.coordinates), len(problem.fields))
        if (self.n_inputs, self.n_outputs) != expected:
            raise ValueError(
                f"model must have {expected[0]} inputs for {problem.coordinates} and "
                f"{expected[1]} outputs for {problem.fields}, got a module with {self.n_inputs} "
                f"and {self.n_outputs}"
            )
        if problem.unknowns:
            raise ValueError(
                f"model must be an MLP or a Model where there are unknowns, got "
                f"{type(self.module).__name__} for {tuple(problem.unknowns)}"
            )
        if device is not None and device_name(device) != self.device:
            raise ValueError(
                f"device must be that of the module, {self.device!r}, got {device!r}; move it first"
            )
        return replace(self, coordinates=self.coordinates or problem.coordinates)

    def init(self, seed: int) -> Tensor:
        """The parameters [P] that the module has now, whatever the seed."""
        del seed
        return self.flat.theta()

    def write(self, theta: Tensor) -> None:
        """Sets the parameters of the module to theta [P]."""
        check_theta(theta, (self.n_parameters,), self.dtype, self.device)
        self.flat.write(theta)

    def __call__(self, theta: Tensor, points: Tensor) -> Tensor:
        """The outputs [n, m] at points [n, d], outside of autograd."""
        return self._evaluate(theta, points, (operators.value(self.n_inputs),))[0]

    def jet(self, theta: Tensor, points: Tensor, names: Iterable[str]) -> dict[str, Tensor]:
        """Outputs and derivatives by name: ``model.jet(theta, points, ("", "t", "xx"))``.

        Args:
            theta: parameters [P].
            points: [n, d].
            names: derivatives up to order 4, spelled as for ``Field.d``; ``""`` is the value.

        Returns:
            A tensor [n, m] for each name.

        Raises:
            ValueError: for an unknown coordinate, an order above 4, a wrong shape, or a model
                without names for its coordinates.
        """
        if self.coordinates is None:
            raise ValueError("coordinates must be given to name derivatives, got None")
        given = checked_names(names)
        wanted = tuple(operators.derivative((name,), self.coordinates) for name in given)
        return dict(zip(given, self._evaluate(theta, points, wanted), strict=True))

    def jets(
        self, wanted: Sequence[Operator], uses: Sequence[tuple[int, int]] | None = None
    ) -> JetMap:
        """The map from parameters to the wanted derivatives of all outputs."""
        del uses  # one sweep gives all outputs
        return TorchJets(self.flat, wanted) if self._engine is None else self._engine.jets(wanted)

    def fields(self, channels: Sequence[Lookup], coordinates: Coordinates) -> Sequence[Lookup]:
        """The lookup of every field: those of the outputs as they are."""
        del coordinates
        return channels

    def describe(self) -> dict[str, object]:
        """Class of the module, names and shapes of its parameters; no file keeps more of it."""
        return {
            "module": type(self.module).__name__,
            "n_inputs": self.n_inputs,
            "parameters": {name: list(shape) for name, shape in self.flat.shapes.items()},
        }

    @cached_property
    def _engine(self) -> MLP | None:
        """The network that computes the same, where there is one."""
        if not isinstance(self.module, nn.Sequential):
            return None
        try:
            network, _ = MLP.from_torch(self.module)
        except (TypeError, ValueError):
            return None
        # Frozen or tied parameters are missing in theta.
        return network if network.n_parameters == self.n_parameters else None

    def _samples(self) -> Tensor:
        """A few points of the unit cube."""
        rng = torch.Generator().manual_seed(0)
        points = torch.rand((3, self.n_inputs), generator=rng, dtype=torch.float64)
        return points.to(self.device, self.dtype)

    def _evaluate(
        self, theta: Tensor, points: Tensor, wanted: tuple[Operator, ...]
    ) -> list[Tensor]:
        check_theta(theta, (self.n_parameters,), self.dtype, self.device)
        check_points("points", points, self.n_inputs, self.device)
        at = points.detach().to(theta.device, self.dtype).contiguous()
        jets = self.jets(wanted).jets(theta, at)  # [K, m, n]
        return [component.T.contiguous() for component in jets]


def as_model(model: object, n_inputs: int) -> object:
    """A torch module as a model of points with so many coordinates; anything else as it is."""
    return TorchModel(model, n_inputs) if isinstance(model, nn.Module) else model


def _check_map(flat: FlatModule, points: Tensor) -> None:
    """Raises unless the module maps points [n, d] to values [n, m], each by itself."""
    theta = flat.theta()
    try:
        values = flat.first_call(theta, lambda module: module(points))
    except (RuntimeError, TypeError) as error:
        raise ValueError(
            f"model must map points of shape {list(points.shape)}, got a module that fails: {error}"
        ) from error
    if not isinstance(values, Tensor) or values.dtype not in DTYPES:
        raise TypeError(f"model must return a tensor like its parameters, got {values!r}")
    if values.ndim != 2 or len(values) != len(points):
        raise ValueError(
            f"model must map points [n, {points.shape[1]}] to values [n, m], got "
            f"{list(values.shape)} for {list(points.shape)}"
        )
    if values.dtype != flat.dtype:
        raise TypeError(f"model must return {flat.dtype} like its parameters, got {values.dtype}")

    def alone(point: Tensor) -> Tensor:
        value: Tensor = flat.call(theta, lambda module: module(point[None]))
        return value

    try:
        single = torch.cat([alone(point) for point in points])
    except (RuntimeError, TypeError, ValueError) as error:
        raise ValueError(
            "model must map each point by itself, got a module that fails for one point alone "
            f"(normalisation over points? module.eval() may switch it off): {error}"
        ) from error
    tolerance = 1e3 * torch.finfo(flat.dtype).eps
    if not torch.allclose(single, values, rtol=tolerance, atol=tolerance, equal_nan=True):
        raise ValueError(
            "model must map each point by itself to the same values every time, got others for "
            "points alone (normalisation over points, or dropout? module.eval() switches it off)"
        )
