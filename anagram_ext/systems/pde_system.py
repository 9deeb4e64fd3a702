"""A problem and a network bound together: the nonlinear least-squares problem r(theta) = 0."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import torch

from anagram_ext.checks import check_kind, check_theta
from anagram_ext.linear.memory import check_mode
from anagram_ext.models.model import model_of
from anagram_ext.pde.measurements import Data
from anagram_ext.pde.problem import Problem
from anagram_ext.systems.draws import Draws
from anagram_ext.systems.dry_run import discover
from anagram_ext.systems.kinds import signature_of
from anagram_ext.systems.pointwise import PointwiseBlock
from anagram_ext.systems.signature import Signature
from anagram_ext.systems.spread_stack import SpreadStack
from anagram_ext.systems.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from anagram_ext.linear.group import Group
    from anagram_ext.linear.jacobian import Jacobian
    from anagram_ext.models.protocol import Model
    from anagram_ext.pde.coordinates import Coordinates
    from anagram_ext.systems.blocks import Block
    from anagram_ext.systems.jet_residual import PointwiseResidual
    from anagram_ext.systems.protocol import Linearisation


class PdeSystem:
    """The stacked residual r [S] of all conditions as a function of the parameters theta [P].

    Rows are ordered by condition, then by component of its residual, then by point, and scaled such
    that the loss is ``1/2 ||r||^2`` (see ``Problem``).

    Attributes:
        problem: the problem.
        model: the model, bound to the problem.
        balance: factors of the residuals of conditions, one a component, where they are not one.
        n_parameters: P.
    """

    def __init__(
        self,
        problem: Problem,
        model: Model,
        seed: int = 0,
        memory: str = "auto",
        balance: Mapping[str, tuple[float, ...]] | None = None,
        *,
        group: Group | None = None,
    ) -> None:
        """Draws the points of sampled conditions and dry-runs every residual.

        Args:
            problem: conditions and coordinates.
            model: from the coordinates to the fields; it gets the problem's unknowns.
            seed: of the sampled points.
            memory: whether J is ``"stored"`` or ``"streamed"``; ``"auto"``: streamed when it would
                take more than a quarter of the memory.
            balance: further factors of the residuals of conditions, one a component, by name.
            group: the ranks over which the rows are spread. All of them draw the same points and
                evaluate a share; what comes out is whole, and its evaluation collective.

        Raises:
            ValueError: for a model of other inputs or outputs, or a residual that breaks the rules.
            TypeError: for a residual that returns anything but tensors of the model's dtype.
        """
        check_kind("problem", problem, Problem, "a Problem")
        check_mode(memory)
        self.problem = problem
        self.model = model = model_of(problem, model)
        self.n_parameters = model.n_parameters
        self._seed, self._memory, self._group = seed, memory, group
        self.balance = dict(balance or {})
        self._draws = Draws(problem, seed, torch.device(model.device), model.dtype)
        points = {name: self._draws.first(name) for name in problem.conditions}
        self._residuals = {
            name: self._discovered(name, coordinates) for name, coordinates in points.items()
        }
        self._stack = self._stacked({name: self._bind(name, at) for name, at in points.items()})
        self._some: dict[tuple[str, ...], Stack] = {}  # parts of it, by names

    def rebuilt(self, model: Model, balance: Mapping[str, tuple[float, ...]]) -> PdeSystem:
        """The same problem and points with another model and other factors of the conditions."""
        return PdeSystem(self.problem, model, self._seed, self._memory, balance, group=self._group)

    def spread(self, group: Group) -> PdeSystem:
        """The same system with its rows spread over ranks.

        Raises:
            RankError: the ranks have different points.
        """
        blocks = cast("Mapping[str, PointwiseBlock]", self.blocks)
        points = [block.coordinates.points.cpu().numpy() for block in blocks.values()]
        group.check_same("points of the conditions", points)
        return PdeSystem(
            self.problem, self.model, self._seed, self._memory, self.balance, group=group
        )

    @property
    def n_rows(self) -> int:
        """S."""
        return self._stack.n_rows

    @property
    def row_slices(self) -> dict[str, slice]:
        """The rows of each condition."""
        return self._stack.row_slices

    @property
    def blocks(self) -> Mapping[str, Block]:
        """The rows of each condition, at the points of now; whole ones, whoever evaluates them."""
        return self._stack.blocks

    @property
    def redrawn(self) -> tuple[str, ...]:
        """Names of the conditions whose points change during training."""
        return self._draws.redrawn

    @property
    def draws(self) -> int:
        """How often their points have changed."""
        return self._draws.count

    def residual(self, theta: Tensor) -> Tensor:
        """The residual r [S]; it may be non-finite."""
        return self.residuals(theta[None])[0]

    def residuals(self, thetas: Tensor) -> Tensor:
        """The residuals [q, S] of parameter vectors [q, P]; they may be non-finite."""
        return self._stack.residuals(self._checked(thetas, many=True))

    def losses(self, thetas: Tensor) -> Tensor:
        """The losses [q] of parameter vectors [q, P]; infinite where not finite."""
        return self._stack.losses(self._checked(thetas, many=True))

    def gradient(self, theta: Tensor) -> tuple[float, Tensor]:
        """The loss and its gradient J^T r [P], without storing J.

        Raises:
            NonFiniteError: naming condition and point.
        """
        return self._stack.gradient(self._checked(theta))

    def residual_and_matrix(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """The residual r [S] and its Jacobian J [S, P] as a tensor, whatever memory it takes.

        Raises:
            NonFiniteError: naming condition and point.
            OutOfMemoryError: J does not fit into the memory of the GPU.
        """
        here = self._stack.stored(self._checked(theta))
        return here.residual, here.jacobian.matrix

    def linearise(self, theta: Tensor) -> Linearisation[Jacobian]:
        """The residual r [S], its loss and its Jacobian J [S, P], stored or streamed.

        Raises:
            NonFiniteError: naming condition and point.
            MemoryError: J can neither be stored nor streamed.
            OutOfMemoryError: J does not fit into the memory of the GPU.
        """
        return self._stack.linearise(self._checked(theta), self._memory)

    @property
    def weights(self) -> dict[str, float]:
        """The weight of each condition, in whatever units its residuals are."""
        return {name: condition.weight for name, condition in self.problem.conditions.items()}

    @property
    def hiding(self) -> tuple[str, ...]:
        """The conditions whose derivatives are not those of their values."""
        return tuple(name for name, found in self._residuals.items() if found.hides_any)

    @property
    def unused_unknowns(self) -> tuple[str, ...]:
        """The unknown coefficients that no condition asks for, by name."""
        asked = {channel for found in self._residuals.values() for channel in found.asked}
        first = self.model.n_channels - sum(len(u.starts) for u in self.model.unknowns.values())
        unused = []
        for name, unknown in self.model.unknowns.items():
            if asked.isdisjoint(range(first, first + len(unknown.starts))):
                unused.append(name)
            first += len(unknown.starts)
        return tuple(unused)

    @property
    def sizes(self) -> dict[str, int]:
        """How many points each of these conditions has now."""
        return {name: self._draws.n_points(name) for name in self.redrawn}

    def redraw(self, theta: Tensor, sizes: Mapping[str, int] | None = None) -> None:
        """Moves on to new points in the conditions whose sampler asks for it.

        Args:
            theta: parameters [P], whose residuals an adaptive sampler looks at.
            sizes: how many points to draw for some of them; as many as the sampler says by
                default.
        """
        self._draws.move_on(sizes)
        blocks = dict(self._stack.blocks)
        for name in self.redrawn:

            def residual_size(at: Coordinates, name: str = name) -> Tensor:
                return self._agreed(self._bind(name, at).size(theta))

            blocks[name] = self._bind(name, self._draws.next(name, residual_size))
        self._stack, self._some = self._stacked(blocks), {}

    def skip_draws(self, count: int) -> None:
        """Goes on counting changes of points from here: the next one is number ``count + 1``.

        The points of now stay; those of the next change are what they would have been.
        """
        self._draws.count = count

    def part(self, names: Sequence[str]) -> Stack:
        """The rows of some of the conditions, at the points of now."""
        key = tuple(names)
        if key not in self._some:
            self._some[key] = self._stacked({name: self._stack.blocks[name] for name in key})
        return self._some[key]

    def held_out(self, times: int = 1) -> dict[str, Stack | None]:
        """For each condition the same rows at points of its region that no training step sees.

        None for a condition that makes sense at its own points alone: measured data, or points of
        an unknown region.

        Args:
            times: how many times as many points as the condition has.
        """
        return {name: self._held_out(name, times) for name in self.problem.conditions}

    def block_at(self, name: str, coordinates: Coordinates) -> PointwiseBlock:
        """The rows of a condition at other points, scaled by their number."""
        return self._bind(name, coordinates)

    def holds_data(self, name: str) -> bool:
        """Whether a condition has values of its own for each point, such as measurements."""
        return self._residuals[name].holds_data

    def linearise_part(self, blocks: Mapping[str, Block], theta: Tensor) -> Linearisation[Jacobian]:
        """The rows of some blocks and their Jacobian, kept as ``linearise`` keeps all."""
        return self._stacked(blocks).linearise(self._checked(theta), self._memory)

    def residuals_of(self, blocks: Mapping[str, Block], theta: Tensor) -> Tensor:
        """The rows of some blocks at parameters [P]."""
        return self._stacked(blocks).residuals(self._checked(theta)[None])[0]

    def _discovered(self, name: str, coordinates: Coordinates) -> PointwiseResidual:
        condition = self.problem.conditions[name]
        signature = signature_of(
            name, condition, Signature.of(self.problem, self.model), coordinates
        )
        found = discover(
            name,
            condition.residual,
            signature,
            signature.placed(coordinates),
            argument="of" if isinstance(condition, Data) else "residual",
        )
        found = replace(found, units=self.balance.get(name, ()))
        return replace(found, holds_data=True) if condition.fixed else found

    def _held_out(self, name: str, times: int) -> Stack | None:
        if self.holds_data(name):
            return None
        coordinates = self._draws.held_out(name, times)
        return None if coordinates is None else self._stacked({name: self._bind(name, coordinates)})

    def _stacked(self, blocks: Mapping[str, Block]) -> Stack:
        if self._group is None:
            return Stack(blocks)
        return SpreadStack(cast("Mapping[str, PointwiseBlock]", blocks), self._group)

    def _agreed(self, values: Tensor) -> Tensor:
        """What decides for all ranks: rank 0's, should processors round differently."""
        return values if self._group is None else self._group.broadcast(values)

    def _bind(self, name: str, coordinates: Coordinates) -> PointwiseBlock:
        weight = self.problem.conditions[name].weight
        coordinates = self._residuals[name].signature.placed(coordinates)
        n = len(coordinates.points) if self.problem.row_scaling == "mean" else 1
        scale = math.sqrt(weight / max(n, 1))
        return PointwiseBlock(self._residuals[name], self.model, coordinates, scale)

    def _checked(self, theta: Tensor, many: bool = False) -> Tensor:
        shape = (*theta.shape[:1], self.n_parameters) if many else (self.n_parameters,)
        check_theta(theta, shape, self.model.dtype, self.model.device)
        return theta.detach().contiguous()
