"""The multilayer perceptron: its shape, parameters and evaluation."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor, nn

from anagram_ext.checks import (
    DTYPES,
    check_points,
    check_seed,
    check_theta,
    device_name,
    integers,
    strings,
)
from anagram_ext.models.renewing import renewed_parameters
from anagram_ext.models.torch_bridge import ACTIVATIONS, from_sequential, to_sequential
from anagram_ext.models.widening import widened_parameters, wider
from anagram_ext.native.plan import Plan, require_device
from anagram_ext.pde import operators

if TYPE_CHECKING:
    from anagram_ext.models.protocol import JetMap, Layout
    from anagram_ext.pde.coordinates import Coordinates
    from anagram_ext.pde.derivative import Lookup
    from anagram_ext.pde.operators import Operator
    from anagram_ext.pde.problem import Problem
    from anagram_ext.pde.unknown import Unknown

MOST_PARAMETERS: Final = 10**9  # 8 GB of theta alone: more would not fit, and kill the process


@dataclass(frozen=True)
class MLP:
    """A fully connected network, linear in its last layer; its parameters live outside of it.

    The parameter vector theta [P] holds weight (row-major) and bias of each layer in turn: the
    order of ``torch.nn.Sequential(Linear, activation, Linear, ...).parameters()``.

    Attributes:
        widths: inputs, hidden widths, outputs.
        activation: ``tanh``, ``sin``, ``softplus``, ``gelu`` (the exact one), ``silu`` or
            ``identity``.
        dtype: ``torch.float64`` or ``torch.float32``.
        device: where the engine runs: ``"cpu"``, ``"cuda"`` or ``"cuda:1"``.
        coordinates: names of the inputs, used by ``jet``; training sets those of the problem. When
            not given: for one input the letter used; two or three inputs are ``t, x, y`` if some
            derivative mentions ``t``, or ``x, y, z`` if one mentions the last of these; four are
            ``t, x, y, z``; beyond that ``x1, x2, ...``.

    Raises:
        ValueError: for fewer than two widths, one below 1, an unknown activation or device, or
            coordinates that are not as many as inputs.
        TypeError: for widths that are no integers, or another dtype.
        BackendUnavailable: for a GPU that cannot be used.
    """

    widths: Sequence[int]
    activation: str = "tanh"
    dtype: torch.dtype = torch.float64
    device: str = "cpu"
    coordinates: tuple[str, ...] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", _checked_widths(self.widths))
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {ACTIVATIONS}, got {self.activation!r}")
        if self.dtype not in DTYPES:
            raise TypeError(f"dtype must be torch.float64 or torch.float32, got {self.dtype!r}")
        object.__setattr__(self, "device", device_name(self.device))
        require_device(self.device)
        if self.coordinates is not None:
            names = strings("coordinates", self.coordinates, "a sequence of names")
            object.__setattr__(self, "coordinates", names)
            if len(self.coordinates) != self.widths[0]:
                raise ValueError(
                    f"coordinates must name {self.widths[0]} inputs, got {self.coordinates}"
                )

    @property
    def n_parameters(self) -> int:
        """The length P of the parameter vector."""
        return sum((a + 1) * b for a, b in itertools.pairwise(self.widths))

    @property
    def n_inputs(self) -> int:
        """Number d of coordinates."""
        return self.widths[0]

    @property
    def n_outputs(self) -> int:
        """Number m of fields."""
        return self.widths[-1]

    @property
    def n_channels(self) -> int:
        """The outputs: the network alone stands for the fields."""
        return self.widths[-1]

    @property
    def unknowns(self) -> Mapping[str, Unknown]:
        """None: see ``Model`` for a network with unknown coefficients."""
        return {}

    @property
    def layout(self) -> Layout:
        """Which part of theta [P] belongs to what: all of it to the one network."""
        return {"network": slice(0, self.n_parameters)}

    def bound(self, problem: Problem, device: str | None = None) -> MLP:
        """The same network with the coordinates of a problem, on a device.

        Raises:
            ValueError: it does not map the problem's coordinates to its fields.
        """
        expected = (len(problem.coordinates), len(problem.fields))
        if (self.n_inputs, self.n_outputs) != expected:
            raise ValueError(
                f"model must have {expected[0]} inputs for {problem.coordinates} and "
                f"{expected[1]} outputs for {problem.fields}, got {self!r}"
            )
        where = self.device if device is None else device
        names = self.coordinates or problem.coordinates
        return replace(self, device=where, coordinates=names)

    def fields(self, channels: Sequence[Lookup], coordinates: Coordinates) -> Sequence[Lookup]:
        """The lookup of every field: those of the outputs as they are."""
        del coordinates
        return channels

    def describe(self) -> dict[str, object]:
        """Widths and activation."""
        return {"widths": list(self.widths), "activation": self.activation}

    def jets(
        self, wanted: Sequence[Operator], uses: Sequence[tuple[int, int]] | None = None
    ) -> JetMap:
        """The map from parameters to the wanted derivatives of all outputs."""
        del uses  # one sweep gives all outputs
        return Plan.cached(tuple(self.widths), self.activation, tuple(wanted), self.device)

    def init(self, seed: int, scheme: str = "glorot") -> Tensor:
        """Random parameters [P]; the same numbers, up to rounding, in both dtypes.

        Args:
            seed: of torch's random generator.
            scheme: ``"glorot"``: weights uniform in +-sqrt(6 / (fan_in + fan_out)), biases uniform
                in +-1 / sqrt(fan_in). ``"normal"``: everything 0.1 N(0, 1), as in the ANaGRAM paper
                (arXiv 2412.10782).

        Raises:
            ValueError: for another scheme.
        """
        check_seed(seed)
        rng = torch.Generator().manual_seed(seed)
        if scheme == "normal":
            theta = 0.1 * torch.randn(self.n_parameters, generator=rng, dtype=torch.float64)
        elif scheme == "glorot":
            theta = torch.cat(
                [
                    bound * (2 * torch.rand(size, generator=rng, dtype=torch.float64) - 1)
                    for fan_in, fan_out in itertools.pairwise(self.widths)
                    for size, bound in (
                        (fan_in * fan_out, math.sqrt(6 / (fan_in + fan_out))),
                        (fan_out, 1 / math.sqrt(fan_in)),
                    )
                ]
            )
        else:
            raise ValueError(f"scheme must be 'glorot' or 'normal', got {scheme!r}")
        return theta.to(self.device, self.dtype)

    def __call__(self, theta: Tensor, points: Tensor) -> Tensor:
        """The outputs [n, m] at points [n, d], outside of autograd."""
        return self._evaluate(theta, points, (operators.value(self.widths[0]),))[0]

    def jet(self, theta: Tensor, points: Tensor, names: Iterable[str]) -> dict[str, Tensor]:
        """Outputs and derivatives by name: ``model.jet(theta, points, ("", "t", "xx"))``.

        Args:
            theta: parameters [P].
            points: [n, d].
            names: derivatives up to order 4, spelled with one letter a coordinate or as the name
                of one coordinate; ``""`` is the value. ``coordinates`` says what they mean.

        Returns:
            A tensor [n, m] for each name.

        Raises:
            ValueError: for an unknown coordinate, an order above 4 or a wrong shape.
        """
        check_theta(theta, (self.n_parameters,), self.dtype, self.device)
        names = checked_names(names)
        coordinates = self.coordinates or _coordinates_meant(self.widths[0], names)
        wanted = tuple(operators.derivative((name,), coordinates) for name in names)
        distinct = tuple(dict.fromkeys(wanted))
        computed = dict(zip(distinct, self._evaluate(theta, points, distinct), strict=True))
        return {name: computed[operator] for name, operator in zip(names, wanted, strict=True)}

    def widened(
        self, theta: Tensor, by: float | Sequence[int], seed: int = 0
    ) -> tuple[MLP, Tensor]:
        """A larger network with the same function, and its parameters.

        The weights into new neurons are random, those out of them zero: values and derivatives in
        the inputs stay what they are, up to rounding.

        Args:
            theta: parameters [P].
            by: a factor of the hidden widths, or all widths of the larger network.
            seed: of the new weights.

        Raises:
            TypeError: ``by`` is neither.
            ValueError: the factor is not above one, the widths do not contain those of now, or
                there is no hidden layer.
        """
        check_theta(theta, (self.n_parameters,), self.dtype, self.device)
        widths = wider(self.widths, by)
        larger = widened_parameters(theta.detach(), self.widths, widths, check_seed(seed))
        return replace(self, widths=widths), larger

    def renewed(self, theta: Tensor, points: Tensor, seed: int = 0) -> tuple[Tensor, int]:
        """Parameters of nearly the same function; neurons that hardly matter are made anew.

        Those that add less than 1 % of what the most useful neuron of their layer adds, beside a
        constant. They get the weights of others, a bend at one of the points, and lead nowhere at
        first.

        Args:
            theta: parameters [P].
            points: where neurons are looked at, [n, d].
            seed: of the choice of new weights and biases.

        Returns:
            The parameters [P], and how many neurons are new.

        Raises:
            TypeError, ValueError: ``theta``, ``points`` or ``seed`` is of another kind or shape.
        """
        check_theta(theta, (self.n_parameters,), self.dtype, self.device)
        check_points("points", points, self.widths[0], self.device)
        inputs = points.to(theta.device, self.dtype)
        return renewed_parameters(
            theta.detach(), self.widths, self.activation, inputs, check_seed(seed)
        )

    def to_torch(self, theta: Tensor) -> nn.Sequential:
        """The same network as ``torch.nn.Sequential(Linear, activation, ...)``, where theta is.

        Its parameters are copies of theta [P].

        Raises:
            TypeError, ValueError: ``theta`` is of another kind, shape, dtype or device.
        """
        check_theta(theta, (self.n_parameters,), self.dtype, self.device)
        return to_sequential(self.widths, self.activation, theta)

    @classmethod
    def from_torch(cls, net: nn.Sequential) -> tuple[MLP, Tensor]:
        """Network and parameters [P] of a ``torch.nn.Sequential(Linear, activation, Linear, ...)``.

        They are on the device of the module.

        Raises:
            TypeError: if the module is no such sequence, or mixes dtypes or devices.
            ValueError: for an activation that the engine lacks, several different ones, or a
                device other than CPU and GPU.
            BackendUnavailable: for a module on a GPU, when the engine cannot use it.
        """
        widths, activation, theta = from_sequential(net)
        device = "cuda" if theta.device == torch.device("cuda", 0) else device_name(theta.device)
        return cls(widths, activation=activation, dtype=theta.dtype, device=device), theta

    def _evaluate(
        self, theta: Tensor, points: Tensor, wanted: tuple[Operator, ...]
    ) -> list[Tensor]:
        check_theta(theta, (self.n_parameters,), self.dtype, self.device)
        check_points("points", points, self.widths[0], self.device)
        jets = self.jets(wanted).jets(theta, points.to(theta.device, self.dtype))  # [K, m, n]
        return [component.T.contiguous() for component in jets]


def _checked_widths(widths: Sequence[int]) -> tuple[int, ...]:
    checked = integers("widths", widths, least=1)
    if max(checked, default=0) > MOST_PARAMETERS:
        raise ValueError(f"widths must be at most {MOST_PARAMETERS:.0e}, got a larger one")
    if len(checked) < 2:
        raise ValueError(f"widths must hold at least inputs and outputs, got {checked}")
    n_parameters = sum((a + 1) * b for a, b in itertools.pairwise(checked))
    if n_parameters > MOST_PARAMETERS:
        raise ValueError(
            f"widths must make at most {MOST_PARAMETERS:.0e} parameters, got {checked} with "
            f"{n_parameters:.1e}"
        )
    return checked


def checked_names(names: Iterable[str]) -> tuple[str, ...]:
    """The names of derivatives as a tuple.

    Raises:
        TypeError: for anything but strings.
        ValueError: for none.
    """
    checked = strings("names", names, 'a sequence of derivatives such as ("", "x")')
    if not checked:
        raise ValueError("names must hold at least one derivative, got none")
    return checked


def _coordinates_meant(dimension: int, names: tuple[str, ...]) -> tuple[str, ...]:
    """The coordinates that the letters of the names leave no doubt about.

    Raises:
        ValueError: they could mean one column or another.
    """
    letters = set("".join(names))
    if dimension == 1:
        return (min(letters, default="x"),)
    if dimension > 4:
        return tuple(f"x{i}" for i in range(1, dimension + 1))
    in_time, in_space = ("t", "x", "y", "z")[:dimension], ("x", "y", "z")[:dimension]
    if dimension == 4 or "t" in letters or not letters:
        return in_time
    if in_space[-1] in letters or not letters <= set(in_space):
        return in_space
    raise ValueError(
        f"names must say which inputs they mean, got {names}: {in_time} or {in_space}? "
        f"Give the network its coordinates, as in MLP(..., coordinates={in_space})"
    )
