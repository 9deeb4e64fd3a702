"""Settings of the published ANaGRAM runs, in one form for every problem."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING

import torch

from anagram_ext.linear.cutoff import Cutoff

if TYPE_CHECKING:
    from collections.abc import Mapping


def published_settings(cutoff: Cutoff, steps: int) -> Mapping[str, object]:
    """What the authors' script used: unscaled rows, weights and biases 0.1 N(0, 1), grid search.

    Args:
        cutoff: Truncation of the singular values.
        steps: Number of steps, those on the final plateau included.

    Returns:
        A read-only mapping: ``cutoff``, ``row_scaling``, ``init``, ``search`` and ``steps``.
    """
    return MappingProxyType(
        {
            "cutoff": cutoff,
            "row_scaling": "none",
            "init": "normal",
            "search": "grid",
            "steps": steps,
        }
    )


def precision_cutoff(n_parameters: int) -> Cutoff:
    """The authors' relative cutoff sqrt(eps P), with the machine epsilon of float64."""
    return Cutoff(math.sqrt(torch.finfo(torch.float64).eps * n_parameters))
