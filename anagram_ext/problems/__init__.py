"""A zoo of problems with known solutions, one file a PDE.

Every function returns a ``Problem`` that carries its network (``.model``), its name and, where
there is a published ANaGRAM run, that run's settings (``.settings``). Imports what a user would:
``geometry``, ``pde``, ``models``, ``linear``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from anagram_ext.problems.zoo.advection import advection
from anagram_ext.problems.zoo.allen_cahn import allen_cahn
from anagram_ext.problems.zoo.biharmonic import biharmonic
from anagram_ext.problems.zoo.burgers import burgers
from anagram_ext.problems.zoo.heat import heat
from anagram_ext.problems.zoo.helmholtz_2d import helmholtz_2d
from anagram_ext.problems.zoo.kdv import kdv
from anagram_ext.problems.zoo.kuramoto_sivashinsky import kuramoto_sivashinsky
from anagram_ext.problems.zoo.laplace_2d import laplace_2d
from anagram_ext.problems.zoo.laplace_5d import laplace_5d
from anagram_ext.problems.zoo.navier_stokes import navier_stokes
from anagram_ext.problems.zoo.poisson_1d import poisson_1d
from anagram_ext.problems.zoo.wave import wave

if TYPE_CHECKING:
    from collections.abc import Callable

    from anagram_ext.pde.problem import Problem

# The problems of the ANaGRAM paper and talk.
PUBLISHED = (laplace_2d, heat, laplace_5d, allen_cahn, burgers)
FURTHER = (
    poisson_1d,
    wave,
    advection,
    helmholtz_2d,
    biharmonic,
    kdv,
    kuramoto_sivashinsky,
    navier_stokes,
)

_BUILDERS: dict[str, Callable[..., Problem]] = {
    build.__name__: build for build in (*PUBLISHED, *FURTHER)
}


def names() -> tuple[str, ...]:
    """Names of all problems, the published ones first."""
    return tuple(_BUILDERS)


def get(name: str, **arguments: int) -> Problem:
    """Builds the problem of that name.

    Args:
        name: One of ``names()``.
        **arguments: Passed on, e.g. ``n``, the number of grid points an axis.

    Returns:
        The problem.

    Raises:
        ValueError: No problem has that name.
    """
    if name not in tuple(_BUILDERS):
        raise ValueError(f"name={name!r}: no such problem; there are {', '.join(_BUILDERS)}")
    return _BUILDERS[name](**arguments)
