"""Residual-based choice of the points that a training step sees."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from anagram_ext.geometry.points import Points


def choose(candidates: Tensor, size: Tensor, n: int, seed: int) -> Tensor:
    """Chooses n different candidates, with chances proportional to size / mean(size) + 1.

    Half of the points then follow the residual, half cover the region whatever it is. Source: RAD
    with k = c = 1 of Wu, Zhu, Tan, Kartha & Lu, "A comprehensive study of non-adaptive and
    residual-based adaptive sampling for physics-informed neural networks" (arXiv 2207.10289).

    Args:
        candidates: points [N, d], N >= n.
        size: magnitude of the residual at each of them, [N]; what is not finite counts as zero.
        n: number of points to choose.
        seed: of the choice.

    Returns:
        Points [n, d], in the order of the candidates, with the normals that those have.
    """
    size = torch.nan_to_num(size.double(), nan=0.0, posinf=0.0)
    mean = float(size.mean())
    chances = 1 + (size / mean if mean > 0 else size)
    picked = np.random.default_rng(seed).choice(
        len(candidates), n, replace=False, p=(chances / chances.sum()).numpy()
    )
    rows = torch.from_numpy(np.sort(picked))
    return candidates.taken(rows) if isinstance(candidates, Points) else candidates[rows]
