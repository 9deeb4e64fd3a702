"""A model made of networks: side by side, with a map behind them, with unknown numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from anagram_ext.checks import (
    check_kind,
    check_names,
    check_points,
    check_seed,
    check_theta,
    device_name,
    strings,
)
from anagram_ext.models.constants import ConstantJets, Constants
from anagram_ext.models.description import (
    added_from_dict,
    added_to_dict,
    inputs_from_dict,
    inputs_to_dict,
    networks_from_dict,
    networks_to_dict,
)
from anagram_ext.models.evaluation import evaluated
from anagram_ext.models.feature_units import FeatureUnits
from anagram_ext.models.inputs import InputMap, embedded_jets
from anagram_ext.models.mlp import MLP, checked_names
from anagram_ext.models.networks import Networks
from anagram_ext.models.outputs import OutputMap
from anagram_ext.models.parts import Part, PartedJets
from anagram_ext.models.scales import ScaledJets, Scales
from anagram_ext.models.torch_model import as_model
from anagram_ext.pde import operators
from anagram_ext.pde.coordinates import Coordinates
from anagram_ext.pde.unknown import Unknown

if TYPE_CHECKING:
    from anagram_ext.models.input_jets import Features
    from anagram_ext.models.protocol import JetMap, Layout
    from anagram_ext.models.protocol import Model as AnyModel
    from anagram_ext.pde.derivative import Lookup
    from anagram_ext.pde.operators import Operator
    from anagram_ext.pde.problem import Problem


@dataclass(frozen=True, eq=False)
class Model:
    """Networks, and what makes fields of them.

    Attributes:
        networks: one network for all fields, or several by the name of their field:
            ``{"u": MLP([2, 32, 1]), "k": MLP([2, 8, 1])}``; a network with several outputs has a
            tuple of names. They come in the order of the problem's fields.
        inputs: a map before them, such as ``ax.periodic(x=2.0)``, or any pointwise function of the
            ``Coordinates`` that returns the features as a tuple of tensors [n]; the first width of
            every network is then the number of features.
        outputs: a map behind them, such as a hard constraint: called with one ``Field`` a network
            output and the ``Coordinates``, returns one tensor [n] a field (several in a tuple).
            Plain torch, pointwise: ``lambda u, x: torch.sin(x.x) + x.t * u``; derivatives as in
            ``lambda psi, x: (psi.d("y"), -psi.d("x"))`` are welcome.
        unknowns: unknown coefficients by name; training takes those of the problem.
        coordinates: names of the inputs; training sets those of the problem.
        scales: the units in which the networks see coordinates, behind an input map the features
            that are coordinates, and give their outputs; training chooses them where the problem's
            own are far from one.

    Raises:
        TypeError: an argument of another kind.
        ValueError: networks of different inputs, dtypes or devices, or as many names as outputs.
    """

    networks: MLP | Mapping[str | tuple[str, ...], MLP]
    outputs: Callable[..., Any] | None = None
    unknowns: Mapping[str, Unknown] = field(default_factory=dict)
    coordinates: tuple[str, ...] | None = None
    scales: Scales | None = None
    inputs: InputMap | Features | None = None

    def __post_init__(self) -> None:
        check_kind("networks", self.networks, (MLP, Mapping), "an MLP or a mapping of them")
        if isinstance(self.networks, Mapping):
            object.__setattr__(self, "networks", dict(self.networks))
        _ = self._networks  # checks them
        if self.outputs is not None and not callable(self.outputs):
            raise TypeError(f"outputs must be callable, got {self.outputs!r}")
        if self.inputs is not None:
            object.__setattr__(self, "inputs", InputMap.of(self.inputs))
        check_kind("unknowns", self.unknowns, Mapping, "a mapping from names to Unknowns")
        object.__setattr__(self, "unknowns", dict(self.unknowns))
        for name, unknown in self.unknowns.items():
            check_kind("each name in unknowns", name, str, "a string")
            check_kind(f"unknowns: {name!r}", unknown, Unknown, "an Unknown")
        if self.coordinates is not None:
            names = check_names(strings("coordinates", self.coordinates, "a sequence of names"))
            object.__setattr__(self, "coordinates", names)
        if self.scales is not None:
            check_kind("scales", self.scales, Scales, "Scales")

    @property
    def dtype(self) -> torch.dtype:
        """Of parameters, points and values."""
        return self._networks.mlps[0].dtype

    @property
    def device(self) -> str:
        """Where they are."""
        return self._networks.mlps[0].device

    @cached_property
    def n_parameters(self) -> int:
        """P: weights and biases of all networks, then the unknown coefficients."""
        return self._networks.n_parameters + self._constants.size

    @property
    def n_channels(self) -> int:
        """Outputs of all networks, and unknown coefficients."""
        return self._networks.n_outputs + self._constants.size

    @cached_property
    def layout(self) -> Layout:
        """Which part of theta [P] belongs to which network or unknown coefficient."""
        end = self._networks.n_parameters
        places = dict(self._networks.places)
        for name, part in self._constants.parts.items():
            places[name] = slice(end + part.start, end + part.stop)
        return places

    def bound(self, problem: Problem, device: str | None = None) -> Model:
        """The same model with the coordinates and unknowns of a problem, on a device.

        Raises:
            ValueError: it does not map the problem's coordinates to its fields, or has unknown
                coefficients other than the problem's.
        """
        self._check_fits(problem)
        where = self.device if device is None else device_name(device)
        unknowns = self.unknowns or problem.unknowns
        names = self.coordinates or problem.coordinates
        networks = self._networks.on(where).given
        return replace(self, networks=networks, unknowns=unknowns, coordinates=names)

    def init(self, seed: int, scheme: str = "glorot") -> Tensor:
        """Random parameters [P] of the networks, and the first guesses of the unknowns.

        The first network has the parameters that it has alone; see ``MLP.init``.
        """
        parameters = self._networks.init(seed, scheme)
        return torch.cat([parameters, self._constants.init().to(parameters)])

    def widened(self, theta: Tensor, by: float, seed: int = 0) -> tuple[Model, Tensor]:
        """The same model with larger networks and the same fields, and its parameters.

        Args:
            theta: parameters [P].
            by: a factor of all hidden widths, see ``MLP.widened``.
            seed: of the new weights.

        Raises:
            TypeError: ``by`` is no number.
            ValueError: the factor is not above one, or a network has no hidden layer.
        """
        check_theta(theta, (self.n_parameters,), self.dtype, self.device)
        check_kind("by", by, (int, float), "a number")
        networks, parameters = self._networks.widened(theta, by, check_seed(seed))
        unknown = theta[self._networks.n_parameters :].detach()
        return replace(self, networks=networks.given), torch.cat([parameters, unknown])

    def renewed(self, theta: Tensor, points: Tensor, seed: int = 0) -> tuple[Tensor, int]:
        """Parameters of nearly the same fields, some neurons made anew, and their number.

        Args:
            theta: parameters [P].
            points: where neurons are looked at, [n, d].
            seed: of the choice of new weights and biases.

        Raises:
            ValueError: coordinates are needed by the input map and not known.
        """
        at = self._checked_at(theta, points)
        inputs = at.points
        if self._input_map is not None:
            inputs = self._input_map(at.names, inputs)
            units = self._feature_units(at.names)
            inputs = inputs if units is None else units.values(inputs)
        elif self.scales is not None:
            inputs = self.scales.points_inside(inputs)
        networks, renewed = self._networks.renewed(theta, inputs, check_seed(seed))
        unknown = theta[self._networks.n_parameters :].detach()
        return torch.cat([networks, unknown]), renewed

    def __call__(self, theta: Tensor, points: Tensor) -> Tensor:
        """The fields [n, number of fields] at points [n, d], outside of autograd."""
        return self._evaluate(theta, points, (operators.value(points.shape[-1]),))[0]

    def jet(self, theta: Tensor, points: Tensor, names: Iterable[str]) -> dict[str, Tensor]:
        """Fields and derivatives by name: ``model.jet(theta, points, ("", "t", "xx"))``.

        Args:
            theta: parameters [P].
            points: [n, d].
            names: derivatives up to order 4, spelled as for ``Field.d``; ``""`` is the value.

        Returns:
            A tensor [n, number of fields] for each name.

        Raises:
            ValueError: for an unknown coordinate, an order above 4, a wrong shape, or a model
                without names for its coordinates.
        """
        if self.coordinates is None:
            raise ValueError("coordinates must be given to name derivatives, got None")
        given = checked_names(names)
        wanted = [operators.derivative((name,), self.coordinates) for name in given]
        return dict(zip(given, self._evaluate(theta, points, wanted), strict=True))

    def values(self, theta: Tensor) -> dict[str, float | tuple[float, ...]]:
        """The unknown coefficients by name, those with a size as tuples."""
        check_theta(theta, (self.n_parameters,), self.dtype, self.device)
        found = self._constants.values(theta[self._networks.n_parameters :]).tolist()
        return {
            name: found[part.start] if self.unknowns[name].size is None else tuple(found[part])
            for name, part in self._constants.parts.items()
        }

    def jets(
        self, wanted: Sequence[Operator], uses: Sequence[tuple[int, int]] | None = None
    ) -> JetMap:
        """The map from parameters to the wanted derivatives of all channels."""
        if len(self._networks.mlps) == 1 and not self.unknowns:
            return self._network_jets(self._networks.mlps[0], wanted)
        if uses is None:
            uses = [(k, j) for k in range(len(wanted)) for j in range(self.n_channels)]
        parts: list[Part] = []
        parameter = channel = 0
        for mlp in self._networks.mlps:
            channels = slice(channel, channel + mlp.n_outputs)
            own = _used(uses, channels)
            jets = self._network_jets(mlp, [wanted[k] for k in own]) if own else _NOTHING
            parameters = slice(parameter, parameter + mlp.n_parameters)
            parts.append(Part(jets, parameters, channels, own))
            parameter, channel = parameters.stop, channels.stop
        if self.unknowns:
            channels = slice(channel, self.n_channels)
            own = _used(uses, channels)
            jets = ConstantJets(self._constants, [wanted[k] for k in own])
            parts.append(Part(jets, slice(parameter, self.n_parameters), channels, own))
        return PartedJets(parts, len(wanted), self.n_channels)

    def fields(self, channels: Sequence[Lookup], coordinates: Coordinates) -> Sequence[Lookup]:
        """The lookup of every field, from those of the networks' outputs."""
        if self.scales is not None:
            channels = [self.scales.lookup(j, channel) for j, channel in enumerate(channels)]
        if self._output_map is None:
            return channels
        return self._output_map.lookups(channels, coordinates)

    def describe(self) -> dict[str, object]:
        """Networks, unknowns and coordinates as plain numbers and strings."""
        return {
            **networks_to_dict(self._networks),
            "inputs": inputs_to_dict(self._input_map),
            "outputs": self.outputs is not None,
            **added_to_dict(self.coordinates, self.unknowns, self.scales),
        }

    @classmethod
    def described(cls, description: Mapping[str, Any], dtype: torch.dtype) -> Model:
        """The model of such a description, on the CPU.

        Raises:
            ValueError: it held functions.
        """
        if description["outputs"]:
            raise ValueError("model must be given: it has an output map, which no file keeps")
        inputs = inputs_from_dict(description)
        networks = networks_from_dict(description, dtype)
        return cls(networks, inputs=inputs, **added_from_dict(description))

    def completed(self, description: Mapping[str, Any]) -> Model:
        """This model with what training added to the one of the description.

        Coordinates, unknowns and scales; those that it has itself stay.
        """
        added = added_from_dict(description)
        own = {name: getattr(self, name) or value for name, value in added.items()}
        return replace(self, **own)

    @cached_property
    def _networks(self) -> Networks:
        return Networks(self.networks)

    @cached_property
    def _constants(self) -> Constants:
        return Constants(self.unknowns)

    @property
    def _input_map(self) -> InputMap | None:
        return cast("InputMap | None", self.inputs)  # checked and wrapped when it was made

    @cached_property
    def _output_map(self) -> OutputMap | None:
        if self.outputs is None:
            return None
        return OutputMap(self.outputs, self._networks.n_outputs)

    def _network_jets(self, mlp: MLP, wanted: Sequence[Operator]) -> JetMap:
        if self._input_map is not None:
            if self.coordinates is None:
                raise ValueError("coordinates must be given to a model with inputs, got None")
            units = self._feature_units(self.coordinates)
            return embedded_jets(mlp, self._input_map, self.coordinates, wanted, units)
        if self.scales is None:
            return mlp.jets(wanted)
        inside = [self.scales.inside(operator) for operator in wanted]
        return ScaledJets(mlp.jets(inside), self.scales.coordinates)

    def _feature_units(self, coordinates: tuple[str, ...]) -> FeatureUnits | None:
        """How the networks see features that are coordinates; None where as they are."""
        if self._input_map is None or self.scales is None:
            return None
        features = partial(self._input_map, coordinates)
        units = FeatureUnits.of(features, self.scales.coordinates)
        return None if units.trivial else units

    def _check_fits(self, problem: Problem) -> None:
        coordinates, fields = problem.coordinates, problem.fields
        features = len(coordinates)
        what = f"{features} inputs for {coordinates}"
        if self._input_map is not None:
            features = self._input_map.n_features(coordinates)
            what = f"{features} inputs for the features of {coordinates}"
        if self._networks.mlps[0].n_inputs != features:
            found = self._networks.mlps[0].n_inputs
            raise ValueError(f"model must have {what}, got {found}: {self!r}")
        if self.outputs is None and isinstance(self.networks, Mapping):
            names = self._networks.fields
            if names != fields:
                raise ValueError(
                    f"networks must be named {fields} like the fields, in this order, got {names}"
                )
        elif self.outputs is None and self._networks.n_outputs != len(fields):
            raise ValueError(f"model must have {len(fields)} outputs for {fields}, got {self!r}")
        if self.unknowns and self.unknowns != problem.unknowns:
            raise ValueError(
                f"unknowns must be those of the problem, {dict(problem.unknowns)}, got "
                f"{dict(self.unknowns)}"
            )

    def _evaluate(self, theta: Tensor, points: Tensor, wanted: Sequence[Operator]) -> list[Tensor]:
        """The operators applied to all fields, each [n, number of fields]."""
        at = self._checked_at(theta, points)
        n_outputs = self._networks.n_outputs
        return evaluated(wanted, theta, at, fields=self.fields, jets=self.jets, n_outputs=n_outputs)

    def _checked_at(self, theta: Tensor, points: Tensor) -> Coordinates:
        """The points [n, d] with their names, as the networks take them."""
        check_theta(theta, (self.n_parameters,), self.dtype, self.device)
        if self._input_map is not None and self.coordinates is None:
            raise ValueError("coordinates must be given to a model with inputs, got None")
        d = len(self.coordinates) if self.coordinates else self._networks.mlps[0].n_inputs
        check_points("points", points, d, self.device)
        names = self.coordinates or tuple(f"x{i}" for i in range(1, d + 1))
        return Coordinates(names, points.detach().to(theta.device, self.dtype).contiguous())


def model_of(problem: Problem, model: AnyModel, device: str | None = None) -> AnyModel:
    """The model as a problem uses it: with names for its inputs, and the unknown coefficients.

    Args:
        problem: whose coordinates, fields and unknowns count.
        model: a network, a model, or a torch module.
        device: where to compute; where the model is by default.

    Raises:
        TypeError: it is no model.
        ValueError: it does not map the problem's coordinates to its fields.
    """
    model = cast("AnyModel", as_model(model, len(problem.coordinates)))
    problem.check_model(model)
    if problem.unknowns and isinstance(model, MLP):
        model = Model(model, coordinates=model.coordinates)
    return model.bound(problem, device)


def _used(uses: Sequence[tuple[int, int]], channels: slice) -> list[int]:
    """The operators that are applied to any of the channels."""
    return sorted({k for k, j in uses if channels.start <= j < channels.stop})


_NOTHING: Any = None  # the jets of a network that a condition does not look at
