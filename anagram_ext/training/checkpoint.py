"""Trained parameters in a safetensors file, with all that is needed to evaluate them again.

The library is loaded with the first file: training without files does not need it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, cast

from anagram_ext.checks import check_kind, check_theta
from anagram_ext.models.mlp import MLP
from anagram_ext.models.model import Model
from anagram_ext.models.torch_model import as_model
from anagram_ext.training.files import replace_file

if TYPE_CHECKING:
    from torch import Tensor, nn

    from anagram_ext.models.protocol import Model as AnyModel

_FORMAT = "anagram_ext 1"


def save(path: str | Path, model: AnyModel, theta: Tensor, *, problem: str = "") -> None:
    """Writes the model and its parameters; the file changes in one instant or not at all.

    Args:
        path: file to write, conventionally ``*.safetensors``.
        model: the model. Functions in it, such as an output map, are not written: ``load`` asks for
            the model again.
        theta: its parameters, ``[P]``.
        problem: name of the problem it was trained on, kept as a note.

    Raises:
        ValueError: ``theta`` does not belong to the model.
    """
    from safetensors.torch import save as to_bytes

    check_theta(theta, (model.n_parameters,), model.dtype, model.device)
    metadata = {"format": _FORMAT, "problem": problem}
    if isinstance(model, MLP):
        metadata["widths"] = json.dumps(list(model.widths))
        metadata["activation"] = model.activation
        metadata["coordinates"] = json.dumps(model.coordinates)
    else:
        metadata["model"] = json.dumps(model.describe())
    content = to_bytes({"theta": theta.detach().cpu().contiguous()}, metadata)
    replace_file(Path(path), content)


def load(path: str | Path, model: AnyModel | nn.Module | None = None) -> tuple[AnyModel, Tensor]:
    """Reads a model and its parameters ``[P]`` back, on the CPU, in the dtype they were saved in.

    Args:
        path: the file.
        model: the model that was trained, needed when it holds what no file can keep: functions
            (``outputs``), or a torch module. As it was given to ``train``: what training added to
            it is in the file. The parameters of a module stay what they are.

    Raises:
        ValueError: the file holds no model, its parts do not belong together, or ``model`` is
            needed or another one than was saved.
        FileNotFoundError: there is no such file.
    """
    check_kind("path", path, (str, Path), "a path")
    metadata, theta = _read(Path(path))
    try:
        made = _made(metadata, theta, model)
        check_theta(theta, (made.n_parameters,), made.dtype)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} does not describe a network: {error}") from error
    return made, theta


def _made(metadata: dict[str, str], theta: Tensor, model: AnyModel | nn.Module | None) -> AnyModel:
    if "model" not in metadata:
        return MLP(
            json.loads(metadata["widths"]),
            metadata["activation"],
            dtype=theta.dtype,
            coordinates=json.loads(metadata["coordinates"]),
        )
    description = json.loads(metadata["model"])
    if "module" in description and model is None:
        raise ValueError(f"model must be given: it is a torch module, {description['module']}")
    if model is None:
        return Model.described(description, theta.dtype)
    given = cast("AnyModel", as_model(model, description.get("n_inputs", 1)))
    if isinstance(given, Model) and "networks" in description:
        given = given.completed(description)
    if json.loads(json.dumps(given.describe())) != description:
        raise ValueError(f"model must be {description}, got {given.describe()}")
    return given


def _read(path: Path) -> tuple[dict[str, str], Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load as tensors_of

    if not path.is_file():
        raise FileNotFoundError(f"no such checkpoint: {path}")
    # Read, not mapped: parameters in a mapping change with the file, and a shorter file kills us.
    content = path.read_bytes()
    try:
        theta = tensors_of(content)["theta"]
    except (SafetensorError, KeyError) as error:
        raise ValueError(f"{path} is not a checkpoint: {error}") from error
    metadata = _metadata(content)
    if metadata.get("format") != _FORMAT:
        raise ValueError(f"{path} is not a checkpoint of format {_FORMAT!r}")
    return metadata, theta


def _metadata(content: bytes) -> dict[str, str]:
    """The notes in a safetensors file: its length, then as many bytes of JSON, begin the file."""
    length = int.from_bytes(content[:8], "little")
    notes: dict[str, str] = json.loads(content[8 : 8 + length]).get("__metadata__") or {}
    return notes
