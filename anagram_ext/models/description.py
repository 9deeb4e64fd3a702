"""A model in plain numbers and strings, as a file keeps it, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from anagram_ext.models.inputs import InputMap
from anagram_ext.models.mlp import MLP
from anagram_ext.models.networks import Networks, fields_of
from anagram_ext.models.scales import Scales
from anagram_ext.pde.unknown import Unknown

if TYPE_CHECKING:
    import torch


def networks_to_dict(networks: Networks) -> dict[str, object]:
    """The networks with their fields, and whether it is one without a name."""
    return {
        "networks": [
            {"fields": [*fields_of(key)], **mlp.describe()} for key, mlp in networks.by_key.items()
        ],
        "one": networks.alone,
    }


def networks_from_dict(
    description: Mapping[str, Any], dtype: torch.dtype
) -> MLP | dict[str | tuple[str, ...], MLP]:
    """The networks of a description, on the CPU."""
    networks: dict[str | tuple[str, ...], MLP] = {
        tuple(entry["fields"]): MLP(entry["widths"], entry["activation"], dtype=dtype)
        for entry in description["networks"]
    }
    return next(iter(networks.values())) if description["one"] else networks


def inputs_to_dict(inputs: InputMap | None) -> object:
    """An input map; a function has no description but that it is one."""
    return None if inputs is None else inputs.to_dict() or "a function"


def inputs_from_dict(description: Mapping[str, Any]) -> InputMap | None:
    """The input map of a description.

    Raises:
        ValueError: it was a function.
    """
    inputs = description["inputs"]
    if inputs == "a function":
        raise ValueError("model must be given: its inputs are a function, which no file keeps")
    return InputMap.from_dict(inputs) if inputs else None


def added_to_dict(
    coordinates: tuple[str, ...] | None, unknowns: Mapping[str, Unknown], scales: Scales | None
) -> dict[str, object]:
    """What training adds to a model: names of the inputs, unknown coefficients, units."""
    return {
        "unknowns": {name: asdict(unknown) for name, unknown in unknowns.items()},
        "coordinates": coordinates,
        "scales": None if scales is None else asdict(scales),
    }


def added_from_dict(description: Mapping[str, Any]) -> dict[str, Any]:
    """The same as arguments of a ``Model``."""
    names, scales = description["coordinates"], description["scales"]
    return {
        "unknowns": {name: Unknown(**entry) for name, entry in description["unknowns"].items()},
        "coordinates": names and tuple(names),
        "scales": scales and Scales(**_tuples(scales)),
    }


def _tuples(scales: Mapping[str, Sequence[Sequence[float]]]) -> dict[str, Any]:
    return {name: tuple(map(tuple, intervals)) for name, intervals in scales.items()}
