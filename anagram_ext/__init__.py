"""Natural-gradient training of physics-informed networks (ANaGRAM) on native kernels."""

from __future__ import annotations

from anagram_ext import problems
from anagram_ext.coordinates import Coordinates
from anagram_ext.cutoff import Cutoff
from anagram_ext.domain import Box
from anagram_ext.errors import (
    BackendUnavailable,
    CudaError,
    HeldOutWarning,
    NonFiniteError,
    OutOfMemoryError,
)
from anagram_ext.factorise import Factorisation, LstsqResult, factorise, lstsq
from anagram_ext.fields import Field
from anagram_ext.info import cuda_available, info
from anagram_ext.network import MLP
from anagram_ext.problem import Condition, Problem
from anagram_ext.sampling import Sampler
from anagram_ext.step import StepResult, jacobian, step
from anagram_ext.train import TrainResult, train

__all__ = [
    "MLP",
    "BackendUnavailable",
    "Box",
    "Condition",
    "Coordinates",
    "CudaError",
    "Cutoff",
    "Factorisation",
    "Field",
    "HeldOutWarning",
    "LstsqResult",
    "NonFiniteError",
    "OutOfMemoryError",
    "Problem",
    "Sampler",
    "StepResult",
    "TrainResult",
    "cuda_available",
    "factorise",
    "info",
    "jacobian",
    "lstsq",
    "problems",
    "step",
    "train",
]
