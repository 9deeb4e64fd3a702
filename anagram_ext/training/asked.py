"""What a run begins with: network, method, first iterate and callbacks out of the arguments."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, cast

from anagram_ext import methods
from anagram_ext.checks import check_kind, check_theta, device_name, elements
from anagram_ext.errors import DerivativeWarning, TrainingWarning
from anagram_ext.models.model import model_of
from anagram_ext.models.protocol import Widening
from anagram_ext.pde.problem import Problem
from anagram_ext.training.growth import FACTOR
from anagram_ext.training.run import Run

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from torch import Tensor, nn
    from torch.distributed import ProcessGroup

    from anagram_ext.linear.cutoff import Cutoff
    from anagram_ext.methods import Method
    from anagram_ext.models.protocol import Model
    from anagram_ext.systems.pde_system import PdeSystem

Callback = Callable[[Run], "str | None"]


def chosen_network(
    problem: Problem, model: Model | nn.Module | None, device: str | torch.device | None
) -> Model:
    """The network that is trained, the given one or the problem's own, on the device.

    Raises:
        TypeError: an argument of another kind.
        ValueError: there is none, or it does not fit the problem.
    """
    check_kind("problem", problem, Problem, "a Problem")
    network = problem.model if model is None else model
    if network is None:
        raise ValueError(
            f"model must be given: {problem.name!r} has no network of its own, got None"
        )
    where = None if device is None else device_name(device)
    return model_of(problem, cast("Model", network), where)


def chosen_method(method: str | Method, cutoff: float | Cutoff | None) -> Method:
    """The method that a name and a cutoff mean, or the method object.

    Raises:
        TypeError: it is neither.
        ValueError: no method has this name, or a cutoff is given where it has no place.
    """
    if not isinstance(method, str):
        if cutoff is not None:
            raise ValueError(f"cutoff must be given to the method object itself, got {cutoff!r}")
        if not callable(getattr(method, "step", None)):
            raise TypeError(f"method must be a name or a Method, got {method!r}")
        return method
    factory = methods.get(method)
    if cutoff is None:
        return factory()
    if "cutoff" not in inspect.signature(factory).parameters:
        raise ValueError(f"cutoff must be left out: method {method!r} has none, got {cutoff!r}")
    return factory(cutoff=cutoff)


def check_system(system: PdeSystem, stacklevel: int) -> None:
    """Refuses a problem without points, and warns of unknown coefficients that nothing determines.

    Raises:
        ValueError: there is no row.

    Warns:
        TrainingWarning: no condition asks for an unknown.
        DerivativeWarning: the derivatives of a condition are not those of its values.
    """
    if not system.n_rows:
        name = system.problem.name
        raise ValueError(f"problem must hold at least one point, got none in {name!r}")
    warn_of_hiding(system, stacklevel + 1)
    unused = system.unused_unknowns
    if unused:
        named = ", ".join(map(repr, unused))
        warnings.warn(
            f"unknowns: no condition uses {named}: nothing determines what stays the first guess; "
            "use it in a residual (its last argument), or leave it out of Problem(unknowns=)",
            TrainingWarning,
            stacklevel=stacklevel + 1,
        )


def warn_of_hiding(system: PdeSystem, stacklevel: int) -> None:
    """Warns of conditions whose derivatives are not those of their values."""
    for name in system.hiding:
        warnings.warn(
            f"condition {name!r}: the derivatives that autograd sees are not those of its values: "
            "steps will be wrong; leave out detach(), NumPy and torch.tensor(...) of fields",
            DerivativeWarning,
            stacklevel=stacklevel + 1,
        )


def first_iterate(model: Model, theta: Tensor | None, seed: int) -> Tensor:
    """The given parameters [P], a copy, or random ones."""
    if theta is None:
        return model.init(seed)
    check_theta(theta, (model.n_parameters,), model.dtype, model.device)
    return theta.detach().clone()


def checked_callbacks(callbacks: Iterable[Callback]) -> list[Callback]:
    """The callbacks as a list, checked."""
    watchers = list(elements("callbacks", callbacks, "a sequence of functions of a Run"))
    for watcher in watchers:
        if not callable(watcher):
            raise TypeError(f"each of callbacks must be callable, got {watcher!r}")
    return cast("list[Callback]", watchers)


def check_together(
    out: str | Path | None, resume: bool, grow: bool, group: ProcessGroup | None
) -> None:
    """Refuses arguments that do not go together."""
    if resume and out is None:
        raise ValueError("out must be given to resume, got None")
    if grow and group is not None:
        raise ValueError("grow must be False where rows are spread over a group, got True")


def check_grows(grow: bool, model: Model, theta: Tensor) -> None:
    """Raises TypeError or ValueError for a model that is to be made wider and cannot."""
    if not grow:
        return
    if not isinstance(model, Widening):
        raise TypeError(f"model must be an MLP or a Model to grow, got {model!r}")
    model.widened(theta, FACTOR)
