"""A problem and a network bound together: the nonlinear least-squares problem r(theta) = 0."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from anagram_ext.checks import check_kind, check_points, check_seed, check_theta
from anagram_ext.geometry.adaptive import choose
from anagram_ext.geometry.designs import Sampler
from anagram_ext.linear.memory import new_jacobian
from anagram_ext.pde.coordinates import Coordinates
from anagram_ext.pde.problem import Problem
from anagram_ext.systems.dry_run import discover
from anagram_ext.systems.pointwise import Block
from anagram_ext.systems.row_tiles import RowTiles
from anagram_ext.training.validation import SolutionError, evaluation_points, fresh_points

if TYPE_CHECKING:
    from anagram_ext.models.mlp import MLP
    from anagram_ext.systems.jet_residual import PointwiseResidual

_TRAINING, _HELD_OUT = 0, 1  # streams of random points that never meet


class System:
    """The stacked residual r [S] of all conditions as a function of the parameters theta [P].

    Rows are ordered by condition, then by component of its residual, then by point, and scaled such
    that the loss is ``1/2 ||r||^2`` (see :class:`Problem`).

    Attributes:
        problem: the problem.
        model: the network.
        n_rows: S.
        n_parameters: P.
        row_slices: the rows of each condition.
        redrawn: names of the conditions whose points change before every training step.
        draws: how often their points have changed.
    """

    def __init__(self, problem: Problem, model: MLP, seed: int = 0) -> None:
        """Draws the points of sampled conditions and dry-runs every residual.

        Args:
            problem: conditions and coordinates.
            model: a network from the coordinates to the fields.
            seed: of the sampled points.

        Raises:
            ValueError: for a network of other widths, or a residual that breaks the rules.
            TypeError: for a residual that returns anything but tensors of the model's dtype.
        """
        check_kind("problem", problem, Problem, "a Problem")
        problem.check_model(model)
        check_seed(seed)
        self.problem = problem
        self.model = model
        self.n_parameters = model.n_parameters
        self.redrawn = tuple(
            name
            for name, condition in problem.conditions.items()
            if isinstance(condition.points, Sampler) and condition.points.every_step
        )
        self.draws = 0
        self._seed = seed
        self._residuals: dict[str, PointwiseResidual] = {}
        self._blocks: dict[str, Block] = {}
        for name, condition in problem.conditions.items():
            coordinates = self._draw(name, seed, _TRAINING)
            self._residuals[name] = discover(name, condition.residual, problem.fields, coordinates)
            self._blocks[name] = self._bind(name, coordinates)
        self.row_slices = _consecutive({name: b.n_rows for name, b in self._blocks.items()})
        self.n_rows = sum(block.n_rows for block in self._blocks.values())
        self._held_out: list[Block] | None = None
        self._solution_error: SolutionError | None = None

    def residual(self, theta: Tensor) -> Tensor:
        """The residual r [S].

        Raises:
            NonFiniteError: naming condition and point.
        """
        theta = self._checked(theta)
        rows = theta.new_empty(self.n_rows)
        for name, block in self._blocks.items():
            block.residual(theta, rows[self.row_slices[name]])
        self._check_finite(rows)
        return rows

    def residuals(self, thetas: Tensor) -> Tensor:
        """The residuals [q, S] of several parameter vectors [q, P]; they may be non-finite."""
        thetas = self._checked_many(thetas)
        rows = thetas.new_empty((len(thetas), self.n_rows))
        for name, block in self._blocks.items():
            block.residuals(thetas, rows[:, self.row_slices[name]])
        return rows

    def losses(self, thetas: Tensor) -> Tensor:
        """The losses [q] of several parameter vectors [q, P]; infinite where not finite."""
        thetas = self._checked_many(thetas)
        losses = thetas.new_zeros(len(thetas))
        for block in self._blocks.values():
            block.losses(thetas, losses)
        return torch.nan_to_num(losses, nan=math.inf, posinf=math.inf)

    def linearise(self, theta: Tensor, out: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The residual r [S] and its Jacobian J [S, P].

        Args:
            theta: parameters [P].
            out: a contiguous tensor [S, P] to write J into; a new one by default.

        Raises:
            NonFiniteError: naming condition and point.
            OutOfMemoryError: when J does not fit into the memory of the GPU.
        """
        theta = self._checked(theta)
        rows = theta.new_empty(self.n_rows)
        jacobian = new_jacobian(theta, self.n_rows) if out is None else out
        for name, block in self._blocks.items():
            part = self.row_slices[name]
            block.linearise(theta, rows[part], jacobian[part])
        self._check_finite(rows)
        return rows, jacobian

    def row_tiles(self, theta: Tensor, most_rows: int) -> RowTiles:
        """The same rows in tiles that are generated when asked for, so that J is never stored.

        Args:
            theta: parameters [P].
            most_rows: of a tile; one point's rows are never split.

        Raises:
            NonFiniteError: naming condition and point.
        """
        theta = self._checked(theta)
        rows = theta.new_empty(self.n_rows)
        for name, block in self._blocks.items():
            block.prepare(theta, rows[self.row_slices[name]])
        self._check_finite(rows)
        residuals = [rows[part] for part in self.row_slices.values()]
        return RowTiles(theta, list(self._blocks.values()), residuals, most_rows)

    def gradient(self, theta: Tensor) -> tuple[float, Tensor]:
        """The loss and its gradient J^T r [P], without storing J.

        Raises:
            NonFiniteError: naming condition and point.
        """
        theta = self._checked(theta)
        rows = theta.new_empty(self.n_rows)
        gradient = torch.zeros_like(theta)
        for name, block in self._blocks.items():
            block.gradient(theta, rows[self.row_slices[name]], gradient)
        self._check_finite(rows)
        return 0.5 * float(rows @ rows), gradient

    def resample(self, seed: int) -> None:
        """Redraws the points of all conditions that have a sampler."""
        for name, condition in self.problem.conditions.items():
            if isinstance(condition.points, Sampler):
                self._blocks[name] = self._bind(name, self._draw(name, seed, _TRAINING))

    def redraw(self, theta: Tensor) -> None:
        """Moves on to new points in the conditions whose sampler asks for it.

        Args:
            theta: parameters [P], whose residuals an adaptive sampler looks at.
        """
        self.draws += 1
        for name in self.redrawn:
            sampler = self.problem.conditions[name].points
            stream = _HELD_OUT + self.draws
            if isinstance(sampler, Sampler) and sampler.candidates is not None:
                coordinates = self._adapted(name, sampler, theta, stream)
            else:
                coordinates = self._draw(name, self._seed, stream)
            self._blocks[name] = self._bind(name, coordinates)

    def l2_error(self, theta: Tensor) -> tuple[float, float]:
        """Root mean square error against the problem's solution, absolute and relative.

        Both are nan when the problem has no solution.
        """
        if self.problem.solution is None:
            return math.nan, math.nan
        if self._solution_error is None:
            points = self.problem.evaluation
            if points is None:
                points = evaluation_points(b.coordinates.points for b in self._blocks.values())
            self._solution_error = SolutionError(self.problem, self.model, points)
        return self._solution_error(theta)

    def held_out_loss(self, theta: Tensor) -> float:
        """The loss on points of the same regions that no training step sees; inf if not finite."""
        thetas = self._checked(theta)[None]
        if self._held_out is None:
            self._held_out = [
                self._bind(name, self._draw(name, 0, _HELD_OUT)) for name in self._blocks
            ]
        losses = thetas.new_zeros(1)
        for block in self._held_out:
            block.losses(thetas, losses)
        return float(torch.nan_to_num(losses, nan=math.inf, posinf=math.inf))

    def _adapted(self, name: str, sampler: Sampler, theta: Tensor, stream: int) -> Coordinates:
        """Candidates of a condition, rather those where its residual is large."""
        assert sampler.candidates is not None
        seed = self._own_seed(name, self._seed, stream)
        candidates = sampler.candidates(seed)  # on the CPU, where points are drawn and chosen
        block = self._bind(name, self._coordinates(candidates))
        rows = theta.new_empty(block.n_rows)
        block.residual(theta, rows)
        size = torch.linalg.vector_norm(rows.view(-1, len(candidates)), dim=0)
        return self._coordinates(choose(candidates, size.cpu(), sampler.n_points, seed))

    def _draw(self, name: str, seed: int, stream: int) -> Coordinates:
        """The points of a condition, with a random stream of their own."""
        own_seed = self._own_seed(name, seed, stream)
        condition = self.problem.conditions[name]
        points = condition.points_for(own_seed)
        if isinstance(condition.points, Sampler):
            what = f"points drawn for condition {name!r}"
            check_points(what, points, len(self.problem.coordinates))
            if len(points) != condition.points.n_points:
                raise ValueError(
                    f"{what} must be {condition.points.n_points} as announced, got {len(points)}"
                )
        elif stream == _HELD_OUT and len(points) and not self._residuals[name].holds_data:
            points = fresh_points(points, own_seed)
        return self._coordinates(points)

    def _coordinates(self, points: Tensor) -> Coordinates:
        return Coordinates(
            self.problem.coordinates, points.to(self.model.device, self.model.dtype).contiguous()
        )

    def _own_seed(self, name: str, seed: int, stream: int) -> int:
        index = list(self.problem.conditions).index(name)
        return int(np.random.SeedSequence([seed, index, stream]).generate_state(1)[0])

    def _bind(self, name: str, coordinates: Coordinates) -> Block:
        weight = self.problem.conditions[name].weight
        n = len(coordinates.points) if self.problem.row_scaling == "mean" else 1
        return Block(self._residuals[name], self.model, coordinates, math.sqrt(weight / max(n, 1)))

    def _checked(self, theta: Tensor) -> Tensor:
        check_theta(theta, (self.n_parameters,), self.model.dtype, self.model.device)
        return theta.detach().contiguous()

    def _checked_many(self, thetas: Tensor) -> Tensor:
        shape = (*thetas.shape[:1], self.n_parameters)
        check_theta(thetas, shape, self.model.dtype, self.model.device)
        return thetas.detach().contiguous()

    def _check_finite(self, rows: Tensor) -> None:
        if not bool(torch.isfinite(rows).all()):
            for name, block in self._blocks.items():
                block.check_finite(rows[self.row_slices[name]])


def _consecutive(lengths: dict[str, int]) -> dict[str, slice]:
    slices, start = {}, 0
    for name, length in lengths.items():
        slices[name] = slice(start, start + length)
        start += length
    return slices
