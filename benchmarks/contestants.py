"""One interface for the whole step in each framework: J, solve, search, and all of it together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
import torch
from cases import Array, Case
from pure_jax import JaxStep
from pure_torch import TorchStep

import anagram_ext as ax
from anagram_ext.factorise import factorise
from anagram_ext.search import grid_search
from anagram_ext.system import System

CUTOFF = 1e-6  # relative


class Contestant(Protocol):
    """The pieces of a step; each returns when its work is done.

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

    def __init__(self, case: Case) -> None:
        system = System(case.problem, case.model)
        self.theta = torch.from_numpy
        self.jacobian = system.linearise
        self.direction = lambda r, J: factorise(J, smallest_cutoff=CUTOFF).direction(r, CUTOFF)
        self.search = lambda theta, d: grid_search(system, theta, d, np.inf).theta
        self.step = lambda theta: ax.step(case.problem, case.model, theta, CUTOFF).theta


class PureTorch(TorchStep):
    """PyTorch with torch.func."""

    def __init__(self, case: Case) -> None:
        super().__init__(case, CUTOFF)
        self.theta = torch.from_numpy


class PureJax:
    """JAX, compiled when it is made, so that no measurement holds compilation."""

    def __init__(self, case: Case) -> None:
        functions = JaxStep(case, CUTOFF)
        S, P = case.shape
        theta, r, J = (jax.ShapeDtypeStruct(shape, float) for shape in ((P,), (S,), (S, P)))
        self.jacobian = _blocking(functions.jacobian.lower(theta))
        self.direction = _blocking(functions.direction.lower(r, J))
        self.search = _blocking(functions.search.lower(theta, theta))
        self.step = _blocking(functions.step.lower(theta))
        self.theta = jnp.asarray


def _blocking(lowered: Any) -> Callable[..., Any]:
    compiled = lowered.compile()
    return lambda *arguments: jax.block_until_ready(compiled(*arguments))


CONTESTANTS: dict[str, Callable[[Case], Contestant]] = {
    "anagram_ext": Ours,
    "JAX": PureJax,
    "torch.func": PureTorch,
}
