"""Natural-gradient training of physics-informed networks (ANaGRAM) on native kernels.

The public names; where each lives, and what may import what, is in docs/architecture.md.
"""

from __future__ import annotations

from anagram_ext import analysis, figures, methods, problems
from anagram_ext.errors import (
    BackendUnavailable,
    CudaError,
    FigureWarning,
    HeldOutWarning,
    NonFiniteError,
    OutOfMemoryError,
    TrainingWarning,
)
from anagram_ext.geometry.box import Box
from anagram_ext.geometry.points import Points
from anagram_ext.geometry.sampler import Sampler
from anagram_ext.installation import cuda_available, info, version
from anagram_ext.linear.cutoff import Cutoff
from anagram_ext.linear.factorisation import Factorisation
from anagram_ext.linear.solve import LstsqResult, factorise, lstsq
from anagram_ext.models.inputs import InputMap, fourier, periodic, scaled
from anagram_ext.models.mlp import MLP
from anagram_ext.models.model import Model
from anagram_ext.native.threads import get_num_threads, set_num_threads
from anagram_ext.pde.condition import Condition
from anagram_ext.pde.coordinates import Coordinates
from anagram_ext.pde.derivative import d
from anagram_ext.pde.field import Field
from anagram_ext.pde.integral import Integral, IntegroDifferential
from anagram_ext.pde.measurements import Data
from anagram_ext.pde.paired import Paired
from anagram_ext.pde.problem import Problem
from anagram_ext.pde.unknown import Unknown
from anagram_ext.training.checkpoint import load
from anagram_ext.training.loop import train
from anagram_ext.training.march import MarchResult, march
from anagram_ext.training.result import TrainResult
from anagram_ext.training.single_step import StepResult, jacobian, step
from anagram_ext.training.verdict import Verdict

__all__ = [
    "MLP",
    "BackendUnavailable",
    "Box",
    "Condition",
    "Coordinates",
    "CudaError",
    "Cutoff",
    "Data",
    "Factorisation",
    "Field",
    "FigureWarning",
    "HeldOutWarning",
    "InputMap",
    "Integral",
    "IntegroDifferential",
    "LstsqResult",
    "MarchResult",
    "Model",
    "NonFiniteError",
    "OutOfMemoryError",
    "Paired",
    "Points",
    "Problem",
    "Sampler",
    "StepResult",
    "TrainResult",
    "TrainingWarning",
    "Unknown",
    "Verdict",
    "__version__",
    "analysis",
    "cuda_available",
    "d",
    "factorise",
    "figures",
    "fourier",
    "get_num_threads",
    "info",
    "jacobian",
    "load",
    "lstsq",
    "march",
    "methods",
    "periodic",
    "problems",
    "scaled",
    "set_num_threads",
    "step",
    "train",
]

__version__ = version()
