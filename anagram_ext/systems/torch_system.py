"""Any residual of any torch module as a least-squares problem r(theta) = 0."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from anagram_ext.checks import check_theta
from anagram_ext.errors import NonFiniteError
from anagram_ext.linear.jacobian import Stored, new_jacobian
from anagram_ext.linear.memory import check_mode, is_stored
from anagram_ext.linear.streamed import TILE_BYTES, Streamed
from anagram_ext.models.flat_module import FlatModule, differentiating
from anagram_ext.models.torch_jets import load_forward_mode
from anagram_ext.systems.module_residual import ModuleResidual, Point
from anagram_ext.systems.module_rows import BATCH_BYTES, ReverseRows, Tile, agree, forward_fill
from anagram_ext.systems.protocol import Linearisation, half_squares
from anagram_ext.systems.sample_rows import SampleRows

if TYPE_CHECKING:
    from anagram_ext.linear.jacobian import Jacobian
    from anagram_ext.systems.module_residual import Residual


class TorchSystem:
    """The residual r [S] of a module as a function of its trainable parameters theta [P].

    J comes by the fastest way that works for the module:

    - sample by sample, where a residual belongs to one sample of the module's input;
    - else in forward mode, column by column, where P <= S;
    - else in reverse mode, row by row.

    Many sweeps go at once under vmap. The first two are checked against autograd's J^T w for a
    random w each time. The module is used by one thread at a time, and its own
    parameters stay what they are.

    Args:
        residual: called with the module; returns a tensor of any shape, or several in a tuple.
        module: the module.
        memory: whether J is ``"stored"`` or ``"streamed"``; ``"auto"``: streamed when it would take
            more than a quarter of the memory.

    Attributes:
        flat: the module with its parameters as one vector.
        n_rows: S.
        n_parameters: P.
        draws: 0: the rows stay what they are.
        redrawn: none.

    Raises:
        TypeError: an argument of another kind, or a residual or parameters of another dtype.
        ValueError: a residual that breaks the rules of ``ModuleResidual``, or parameters those of
            ``FlatModule``.
    """

    def __init__(self, residual: Residual, module: nn.Module, memory: str = "auto") -> None:
        check_mode(memory)
        if not callable(residual):
            raise TypeError(f"residual must be callable, got {residual!r}")
        self.flat = FlatModule(module)
        self.residual = ModuleResidual(residual, self.flat)
        self.n_rows = self.residual.n_rows
        self.n_parameters = self.flat.n_parameters
        self.draws = 0
        self.redrawn: tuple[str, ...] = ()
        self._memory = memory
        rng = torch.Generator().manual_seed(0)
        probe = torch.randn(self.n_rows, generator=rng, dtype=torch.float64)
        self._probe = probe.to(self.flat.theta())
        with differentiating():
            self._samples = SampleRows(self.residual, self._probe)
        self._forward = self.n_parameters <= self.n_rows
        self._reverse = ReverseRows()
        self._sweep_bytes = _graph_bytes(self.residual, self.flat.theta())
        if self._forward:
            load_forward_mode()  # here, not in the first step

    def residuals(self, thetas: Tensor) -> Tensor:
        """The residuals [q, S] of parameter vectors [q, P]; they may be non-finite."""
        thetas = self._checked(thetas, many=True)
        rows = thetas.new_empty((len(thetas), self.n_rows))
        for row, theta in zip(rows, thetas, strict=True):
            row.copy_(self.residual.values(theta))
        return rows

    def losses(self, thetas: Tensor) -> Tensor:
        """The losses [q] of parameter vectors [q, P]; infinite where not finite."""
        thetas = self._checked(thetas, many=True)
        losses = [half_squares(self.residual.values(theta)) for theta in thetas]
        found = torch.stack(losses) if losses else thetas.new_empty(0)
        return torch.nan_to_num(found, nan=math.inf, posinf=math.inf)

    def gradient(self, theta: Tensor) -> tuple[float, Tensor]:
        """The loss and its gradient J^T r [P], without storing J.

        Raises:
            NonFiniteError: the residual or the gradient is NaN or infinite.
        """
        point = self.residual.point(self._checked(theta))
        r = point.residual.detach()
        gradient = point.pullback(r)
        _check_finite(gradient, "gradient")
        return float(half_squares(r)), gradient

    def linearise(self, theta: Tensor) -> Linearisation[Jacobian]:
        """The residual r [S], its loss and its Jacobian J [S, P], stored or streamed.

        Raises:
            NonFiniteError: the residual or a derivative is NaN or infinite.
            MemoryError: J can neither be stored nor streamed.
        """
        with differentiating():
            return self._linearised(self._checked(theta))

    def _linearised(self, theta: Tensor) -> Linearisation[Jacobian]:
        point = self.residual.point(theta)
        r = point.residual.detach()
        expected = point.pullback(self._probe)  # J^T w
        _check_finite(expected, "derivative of the residual")
        jacobian: Jacobian
        if is_stored(self._memory, self.n_rows, self.n_parameters, theta):
            jacobian = Stored(self._matrix(point, expected))
        else:
            tiles = self._completed(self._checked_sample_tiles(point), point)
            jacobian = Streamed(_Tiles(point, tiles))
        return Linearisation(r, float(half_squares(r)), jacobian)

    def _matrix(self, point: Point, expected: Tensor) -> Tensor:
        """J [S, P]."""
        matrix = new_jacobian(self.n_rows, point.theta.detach())
        while tiles := self._sample_tiles(point):
            if self._fill_by_samples(point, tiles, matrix, expected):
                return matrix
            self._samples.refuse()
        if self._forward:
            if self._fill_forwards(point, matrix, expected):
                return matrix
            self._forward = False
        for tile in self._completed([], point):
            tile.write_into(matrix)
        return matrix

    def _fill_by_samples(
        self, point: Point, tiles: list[Tile], matrix: Tensor, expected: Tensor
    ) -> bool:
        """Whether that works and says the same J^T w as reverse mode."""
        try:
            for tile in tiles:
                tile.write_into(matrix)
        except torch.cuda.OutOfMemoryError:
            raise
        except Exception:  # no vmap, or a module that refuses one sample, whatever it raises
            return False
        for tile in self._completed([], point):
            tile.write_into(matrix)
        return agree(matrix.T @ self._probe, expected)

    def _fill_forwards(self, point: Point, matrix: Tensor, expected: Tensor) -> bool:
        """Whether forward mode works and says the same J^T w as reverse mode."""
        batch = self._batch(self.n_rows)
        try:
            forward_fill(self.residual, point.theta.detach(), matrix, batch)
        except torch.cuda.OutOfMemoryError:
            raise
        except (RuntimeError, ValueError):
            return False
        return agree(matrix.T @ self._probe, expected)

    def _sample_tiles(self, point: Point) -> list[Tile]:
        if not self._samples.parts:
            return []
        most_rows = TILE_BYTES[point.theta.device.type] // point.theta.nbytes
        return self._samples.tiles(point, most_rows)

    def _checked_sample_tiles(self, point: Point) -> list[Tile]:
        """The same, checked before any of them is needed."""
        while tiles := self._sample_tiles(point):
            if self._samples.are_right(point):
                return tiles
            self._samples.refuse()
        return []

    def _completed(self, tiles: list[Tile], point: Point) -> list[Tile]:
        """With tiles by reverse mode for the rows that have none, all in the order of r."""
        tiles = list(tiles)
        for k, rows in enumerate(self.residual.slices):
            if k not in self._samples.parts and rows.start < rows.stop:
                tiles += self._reverse.tiles(point, rows, self._batch(self.n_parameters))
        return sorted(tiles, key=lambda tile: tile.rows.start)

    def _batch(self, length: int) -> int:
        """How many sweeps go at once whose vectors have this length."""
        one = self._sweep_bytes + length * self._probe.itemsize
        return max(1, BATCH_BYTES[self._probe.device.type] // one)

    def _checked(self, theta: Tensor, many: bool = False) -> Tensor:
        shape = (*theta.shape[:1], self.n_parameters) if many else (self.n_parameters,)
        check_theta(theta, shape, self.flat.dtype, self.flat.device)
        return theta.detach()


class _Tiles:
    """A ``RowSource`` of tiles in the order of r."""

    def __init__(self, point: Point, tiles: list[Tile]) -> None:
        self._tiles = tiles
        self._point = point
        self.sizes = [tile.rows.stop - tile.rows.start for tile in tiles]
        self.order: Tensor | None = None
        self.like = point.theta.detach()
        self.n_parameters = len(self.like)

    def __call__(self, index: int) -> Tensor:
        """The rows of one tile."""
        return self._tiles[index].make().contiguous()

    def matvec(self, v: Tensor) -> Tensor:
        """``J v`` [S]."""
        return torch.cat([tile.make() @ v for tile in self._tiles])

    def rmatvec(self, w: Tensor) -> Tensor:
        """``J^T w`` [P]."""
        return self._point.pullback(w)


def _graph_bytes(residual: ModuleResidual, theta: Tensor) -> int:
    """What the graph of one evaluation keeps: about as much as one sweep needs."""
    total = 0

    def count(tensor: Tensor) -> Any:
        nonlocal total
        total += tensor.nbytes
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
        residual(theta.clone().requires_grad_())
    return total


def _check_finite(vector: Tensor, what: str) -> None:
    if not bool(torch.isfinite(vector).all()):
        raise NonFiniteError(f"the {what} is not finite")
