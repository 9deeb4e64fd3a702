"""Training methods by name: one file with a class that follows ``Method``, a line in ``REGISTRY``.

Imports ``systems``, ``linear`` and what is below them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from anagram_ext.checks import check_kind
from anagram_ext.methods.adam import Adam
from anagram_ext.methods.amstramgram import Amstramgram
from anagram_ext.methods.anagram import Anagram
from anagram_ext.methods.engd import EnergyNaturalGradient
from anagram_ext.methods.gd import GradientDescent
from anagram_ext.methods.lbfgs import LBFGS
from anagram_ext.methods.levenberg_marquardt import LevenbergMarquardt
from anagram_ext.methods.natural_lm import NaturalLM
from anagram_ext.methods.protocol import Method, Redirected, StepInfo
from anagram_ext.methods.stop import Stop

__all__ = ["REGISTRY", "Method", "Redirected", "StepInfo", "Stop", "get", "names"]

REGISTRY: Final[dict[str, Callable[..., Method]]] = {
    "anagram": Anagram,
    "spring": partial(Anagram, momentum=0.5),
    "natural_lm": NaturalLM,
    "amstramgram": Amstramgram,
    "levenberg_marquardt": LevenbergMarquardt,
    "engd": EnergyNaturalGradient,
    "lbfgs": LBFGS,
    "adam": Adam,
    "gd": GradientDescent,
}


def names() -> tuple[str, ...]:
    """The names of all methods."""
    return tuple(REGISTRY)


def get(name: str) -> Callable[..., Method]:
    """The factory of the method called ``name``.

    Raises:
        TypeError: it is no string.
        ValueError: no method has this name.
    """
    check_kind("name of a method", name, str, "a string")
    try:
        return REGISTRY[name]
    except KeyError:
        raise ValueError(f"unknown method {name!r}; known: {', '.join(REGISTRY)}") from None
