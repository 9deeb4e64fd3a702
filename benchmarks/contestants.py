"""One interface for the whole step in each framework: J, solve, search, and all of it together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np
import torch
from cases import CUTOFF, Array, Case
from pure_torch import TorchStep

import anagram_ext as ax
from anagram_ext.linear.solve import factorise
from anagram_ext.methods.search import grid_search
from anagram_ext.systems.pde_system import PdeSystem


class Contestant(Protocol):
    """The pieces of a step. On the CPU and with JAX each returns when its work is done.

    Attributes:
        theta: parameters as the framework's own array.
        jacobian: theta -> (r, J).
        direction: (r, J) -> the truncated least-squares direction.
        search: (theta, direction) -> the best theta of the 31 probes.
        step: theta -> theta after one whole step.
    """

    theta: Callable[[Array], Any]
    jacobian: Callable[[Any], tuple[Any, Any]]
    direction: Callable[[Any, Any], Any]
    search: Callable[[Any, Any], Any]
    step: Callable[[Any], Any]


class Ours:
    """This package."""

    def __init__(self, case: Case, device: str = "cpu") -> None:
        model = replace(case.model, device=device)
        system = PdeSystem(case.problem, model)
        self.theta = lambda theta: torch.from_numpy(theta).to(device)
        self.jacobian = system.residual_and_matrix
        self.direction = lambda r, J: factorise(J, smallest_cutoff=CUTOFF).direction(r, CUTOFF)
        self.search = lambda theta, d: grid_search(system, theta, d, np.inf).theta
        self.step = lambda theta: ax.step(case.problem, model, theta, CUTOFF).theta


class PureTorch(TorchStep):
    """PyTorch with torch.func."""

    def __init__(self, case: Case, device: str = "cpu") -> None:
        super().__init__(case, CUTOFF, device)
        self.theta = lambda theta: torch.from_numpy(theta).to(device)


def pure_jax(case: Case, device: str = "cpu") -> Contestant:
    """JAX, loaded when it is asked for: it brings threads and hooks into the process."""
    from jax_contestant import PureJax

    return PureJax(case, device)


CONTESTANTS: dict[str, Callable[..., Contestant]] = {"anagram_ext": Ours}  # (case, device)
if find_spec("jax"):
    CONTESTANTS["JAX"] = pure_jax
CONTESTANTS["torch.func"] = PureTorch
