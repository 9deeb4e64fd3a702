"""Natural-gradient training of physics-informed networks (ANaGRAM) on native kernels.

The public names; where each lives, and what may import what, is in docs/architecture.md.
"""

from __future__ import annotations

from anagram_ext import analysis, figures, methods, problems
from anagram_ext.errors import (
    BackendUnavailable,
    BroadcastWarning,
    CudaError,
    DerivativeWarning,
    FigureWarning,
    HeldOutWarning,
    NonFiniteError,
    OutOfMemoryError,
    RankError,
    SlowWarning,
    TrainingWarning,
    WriteWarning,
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
from anagram_ext.models.inputs import InputMap, fourier, periodic, scaled
from anagram_ext.models.mlp import MLP
from anagram_ext.models.model import Model
from anagram_ext.models.torch_model import TorchModel
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
from anagram_ext.pde.vector_calculus import curl, divergence, gradient, material
from anagram_ext.training.fit import LeastSquaresResult
from anagram_ext.training.least_squares import least_squares
from anagram_ext.training.loading import load
from anagram_ext.training.loop import train
from anagram_ext.training.march import march
from anagram_ext.training.march_result import MarchResult
from anagram_ext.training.regularisation import (
    RegularisationPath,
    RegularisationPoint,
    regularisation_path,
)
from anagram_ext.training.result import TrainResult
from anagram_ext.training.saved import SavedRun
from anagram_ext.training.saved_march import SavedMarch
from anagram_ext.training.single_step import StepResult, jacobian, step
from anagram_ext.training.tensorboard import TensorBoard
from anagram_ext.verdicts.verdict import Verdict

__all__ = [
    "MLP",
    "BackendUnavailable",
    "Ball",
    "Box",
    "BroadcastWarning",
    "Condition",
    "Coordinates",
    "CudaError",
    "Cutoff",
    "Data",
    "DerivativeWarning",
    "Disk",
    "Ellipse",
    "Factorisation",
    "Field",
    "FigureWarning",
    "HeldOutWarning",
    "InputMap",
    "Integral",
    "IntegroDifferential",
    "Interval",
    "LeastSquaresResult",
    "LstsqResult",
    "MarchResult",
    "Mesh",
    "Model",
    "NonFiniteError",
    "OutOfMemoryError",
    "Paired",
    "Points",
    "Polygon",
    "Problem",
    "RankError",
    "Rectangle",
    "RegularisationPath",
    "RegularisationPoint",
    "Sampler",
    "SavedMarch",
    "SavedRun",
    "SlowWarning",
    "Sphere",
    "StepResult",
    "TensorBoard",
    "TorchModel",
    "TrainResult",
    "TrainingWarning",
    "Unknown",
    "Verdict",
    "WriteWarning",
    "__version__",
    "analysis",
    "cuda_available",
    "curl",
    "d",
    "divergence",
    "factorise",
    "figures",
    "fourier",
    "from_shapely",
    "get_num_threads",
    "gradient",
    "info",
    "jacobian",
    "least_squares",
    "load",
    "lstsq",
    "march",
    "material",
    "methods",
    "periodic",
    "problems",
    "read_shape",
    "regularisation_path",
    "scaled",
    "set_num_threads",
    "step",
    "train",
    "write_vtu",
]

__version__ = version()
