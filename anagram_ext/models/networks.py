"""Networks side by side: one for all fields, or several by the names of their fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from anagram_ext.checks import strings
from anagram_ext.models.mlp import MLP

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.models.protocol import Layout


@dataclass(frozen=True, eq=False)
class Networks:
    """The networks of a model; their parameters follow each other in theta.

    Attributes:
        given: one network, or several by the name of their field or the tuple of their fields.

    Raises:
        TypeError: one of several is no network, or a name is none.
        ValueError: none at all, networks of different inputs, dtypes or devices, or as many names
            as outputs.
    """

    given: MLP | Mapping[str | tuple[str, ...], MLP]

    def __post_init__(self) -> None:
        if not isinstance(self.given, MLP):
            _check_alike(self.given)

    @property
    def alone(self) -> bool:
        """Whether there is one, without a name."""
        return isinstance(self.given, MLP)

    @cached_property
    def by_key(self) -> Mapping[Any, MLP]:
        """As they were given."""
        return {"network": self.given} if isinstance(self.given, MLP) else self.given

    @cached_property
    def by_name(self) -> dict[str, MLP]:
        """By one name each: ``"u+v"`` for a network of two fields."""
        return {"+".join(fields_of(key)): mlp for key, mlp in self.by_key.items()}

    @cached_property
    def mlps(self) -> list[MLP]:
        """In their order."""
        return list(self.by_name.values())

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of all outputs; of one network alone, its own name."""
        return tuple(name for key in self.by_key for name in fields_of(key))

    @cached_property
    def n_outputs(self) -> int:
        """Of all of them."""
        return sum(mlp.n_outputs for mlp in self.mlps)

    @cached_property
    def n_parameters(self) -> int:
        """Of all of them."""
        return sum(mlp.n_parameters for mlp in self.mlps)

    @cached_property
    def places(self) -> Layout:
        """The slice of theta of each, by name."""
        ends = np.cumsum([0, *(mlp.n_parameters for mlp in self.mlps)]).tolist()
        return {name: slice(*ends[i : i + 2]) for i, name in enumerate(self.by_name)}

    def on(self, device: str) -> Networks:
        """The same ones on a device."""
        if isinstance(self.given, MLP):
            return Networks(replace(self.given, device=device))
        return Networks({key: replace(mlp, device=device) for key, mlp in self.given.items()})

    def init(self, seed: int, scheme: str) -> Tensor:
        """Random parameters [P]; those of the first network are the ones that it has alone."""
        first, *others = self.mlps
        parts = [first.init(seed, scheme)]
        for i, mlp in enumerate(others, start=1):
            own = int(np.random.SeedSequence([seed, i]).generate_state(1)[0])
            parts.append(mlp.init(own, scheme))
        return torch.cat(parts)

    def widened(self, theta: Tensor, by: float, seed: int) -> tuple[Networks, Tensor]:
        """Larger networks of the same functions, and their parameters; see ``MLP.widened``."""
        larger: dict[Any, MLP] = {}
        parts: list[Tensor] = []
        for i, (key, mlp) in enumerate(self.by_key.items()):
            own = theta[self.places["+".join(fields_of(key))]]
            larger[key], part = mlp.widened(own, by, seed + i)
            parts.append(part)
        given = next(iter(larger.values())) if self.alone else larger
        return Networks(given), torch.cat(parts)

    def renewed(self, theta: Tensor, inputs: Tensor, seed: int) -> tuple[Tensor, int]:
        """Parameters with some neurons made anew, and their number; see ``MLP.renewed``."""
        parts: list[Tensor] = []
        total = 0
        for i, (name, mlp) in enumerate(self.by_name.items()):
            part, renewed = mlp.renewed(theta[self.places[name]], inputs, seed + i)
            parts.append(part)
            total += renewed
        return torch.cat(parts), total


def fields_of(key: str | tuple[str, ...]) -> tuple[str, ...]:
    """The fields of a network, by what it was given for."""
    return (key,) if isinstance(key, str) else key


def _check_alike(networks: Mapping[Any, object]) -> None:
    if not networks:
        raise ValueError("networks must hold at least one network, got none")
    for key, mlp in networks.items():
        if not isinstance(mlp, MLP):
            raise TypeError(f"networks: {key!r} must be an MLP, got {mlp!r}")
        names = strings("names in networks", fields_of(key), "a name or a tuple of names")
        if len(names) != mlp.n_outputs:
            raise ValueError(
                f"networks: {key!r} must have one name for each of {mlp.n_outputs} outputs"
            )
    alike = {(mlp.n_inputs, mlp.dtype, mlp.device) for mlp in networks.values()}  # type: ignore[attr-defined] # checked
    if len(alike) > 1:
        raise ValueError(
            "networks must agree in number of inputs, dtype and device, got "
            f"{sorted(map(str, alike))}"
        )
