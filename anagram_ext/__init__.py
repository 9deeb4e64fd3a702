"""Natural-gradient training of physics-informed networks (ANaGRAM) on native kernels.

The public names; where each lives, and what may import what, is in docs/architecture.md.
"""

from __future__ import annotations

from anagram_ext import methods, problems
from anagram_ext.errors import (
    BackendUnavailable,
    CudaError,
    FigureWarning,
    HeldOutWarning,
    NonFiniteError,
    OutOfMemoryError,
)
from anagram_ext.geometry.ball import Ball, Sphere
from anagram_ext.geometry.box import Box, Interval
from anagram_ext.geometry.files import from_shapely, read_shape, write_vtu
from anagram_ext.geometry.mesh import Mesh
from anagram_ext.geometry.points import Points
from anagram_ext.geometry.sampler import Sampler
from anagram_ext.geometry.shapes import Disk, Ellipse, Polygon, Rectangle
from anagram_ext.installation import cuda_available, info, version
from anagram_ext.linear.cutoff import Cutoff
from anagram_ext.linear.factorisation import Factorisation
from anagram_ext.linear.solve import LstsqResult, factorise, lstsq
from anagram_ext.models.mlp import MLP
from anagram_ext.pde.condition import Condition
from anagram_ext.pde.coordinates import Coordinates
from anagram_ext.pde.field import Field
from anagram_ext.pde.problem import Problem
from anagram_ext.training.checkpoint import load
from anagram_ext.training.loop import train
from anagram_ext.training.result import TrainResult
from anagram_ext.training.single_step import StepResult, jacobian, step

__all__ = [
    "MLP",
    "BackendUnavailable",
    "Ball",
    "Box",
    "Condition",
    "Coordinates",
    "CudaError",
    "Cutoff",
    "Disk",
    "Ellipse",
    "Factorisation",
    "Field",
    "FigureWarning",
    "HeldOutWarning",
    "Interval",
    "LstsqResult",
    "Mesh",
    "NonFiniteError",
    "OutOfMemoryError",
    "Points",
    "Polygon",
    "Problem",
    "Rectangle",
    "Sampler",
    "Sphere",
    "StepResult",
    "TrainResult",
    "__version__",
    "cuda_available",
    "factorise",
    "from_shapely",
    "info",
    "jacobian",
    "load",
    "lstsq",
    "methods",
    "problems",
    "read_shape",
    "step",
    "train",
    "write_vtu",
]

__version__ = version()
