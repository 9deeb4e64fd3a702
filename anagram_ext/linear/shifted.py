"""A positive semidefinite matrix with multiples of the identity added, by Cholesky."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import torch

from anagram_ext.linear.damped import PROBES, random_signs
from anagram_ext.linear.neighbours import cholesky_solution, neighbouring_solution
from anagram_ext.linear.transfer import uploaded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from anagram_ext.linear.triangle import Triangle

_KEPT_FACTORS: Final = 3  # n^2 numbers each; neighbours of the last ones are what is asked for
_BLOCK: Final = 8  # columns of the subspace iteration for sigma_1
_SWEEPS: Final = 20  # at most: sigma_1 is a unit, a digit of it would do
_SETTLED: Final = 1e-8  # relative change of sigma_1^2 by a sweep
_AT_ONCE: Final = {"cpu": 1, "cuda": 6}  # sweeps between two looks; most matrices take 3 to 6
# Up to this side a trace costs less than is worth sparing: n^3 operations.
_EXACT: Final = 1024
# From this side on, on a CPU, a factorisation serves neighbouring shifts too: it costs as much as
# n / 60 iterations for a neighbour (n = 4000: 0.65 s against 9.5 ms), which takes ten to thirty.
LARGE: Final = 1200
_ITERATIONS: Final = 60  # the same number: a shift that has cost n / 60 gets a factorisation
REACH: Final = 10.5  # how many times larger or smaller a neighbour may be: ten, rounded
TOLERANCE: Final = 1e-7  # of its solutions
_OF_A_TRACE: Final = 1e-2  # its square is the error of a trace


class Formed:
    """A matrix M [n, n] that lies in memory, as ``Shifted`` sees it."""

    def __init__(self, matrix: Tensor) -> None:
        self.like = matrix

    def __len__(self) -> int:
        return len(self.like)

    def times(self, x: Tensor) -> Tensor:
        """``M x``: x [n] or [n, q]."""
        return self.like @ x

    def factor(self, shift: float) -> Tensor:
        """The Cholesky factor of M + l, with nan on its diagonal where there is none."""
        shifted = self.like.clone()
        shifted.diagonal().add_(shift)
        found: tuple[Tensor, Tensor] = torch.linalg.cholesky_ex(shifted)
        factor, failed = found
        factor.diagonal().masked_fill_(failed != 0, torch.nan)  # nobody waits for the answer
        return factor


class Shifted:
    """``M + l`` for any shift l > 0; a factorisation costs n^3 / 3, the last few are kept.

    Large matrices are not factorised for every shift: solutions for neighbours of a factorised one
    come from conjugate gradients, right to ``TOLERANCE``, see ``neighbouring_solution``.

    Args:
        matrix: M [n, n], formed or as the product of a triangle with itself.

    Attributes:
        unit: its largest eigenvalue, 1 for a zero matrix.
        dtype: of M.
        factorisations: how many were computed.
        large: neighbours of factorised shifts are not factorised.
    """

    def __init__(self, matrix: Tensor | Triangle) -> None:
        self._matrix = Formed(matrix) if isinstance(matrix, torch.Tensor) else matrix
        self._like = self._matrix.like
        self.dtype = self._like.dtype
        self.unit = _largest(self._matrix.times, self._like) or 1.0
        self.factorisations = 0
        self._factors: dict[float, Tensor] = {}
        self._effective: dict[float, float] = {}
        self._iterations: dict[float, float] = {}  # by shift; shared by those solved together
        self.large = is_large(len(matrix), self._like.device)

    def times(self, x: Tensor) -> Tensor:
        """``M x``, x [n]."""
        return self._matrix.times(x)

    def solve(self, shift: float, right: Tensor) -> Tensor:
        """``(M + l)^-1 b``, b [n]."""
        return self.solve_each([shift], right[None])[0]

    def solve_each(
        self, shifts: Sequence[float], rights: Tensor, tolerance: float = TOLERANCE
    ) -> Tensor:
        """``(M + l)^-1 b`` for q shifts l, each with its own b: [q, n] -> [q, n].

        Args:
            shifts: q shifts, all the same or all different.
            rights: b [q, n].
            tolerance: relative, where a neighbour is used.
        """
        if not self.large:
            pairs = zip(shifts, rights, strict=True)
            return torch.stack([self._by_factor(shift, right) for shift, right in pairs])
        self._prepare(shifts)
        places = [self._neighbour(shift) or shift for shift in shifts]
        solutions = torch.empty_like(rights)
        for at in dict.fromkeys(places):
            chosen = [k for k, place in enumerate(places) if place == at]
            some = [shifts[k] for k in chosen]
            solutions[chosen] = self._near(at, some, rights[chosen], tolerance)
        return solutions

    def factor(self, shift: float) -> Tensor:
        """L with L L^T = M + l; nan, and all that it solves, where there is none."""
        if shift not in self._factors:
            while len(self._factors) >= _KEPT_FACTORS:
                self._factors.pop(next(iter(self._factors)))
            self._factors[shift] = self._matrix.factor(shift)
            self.factorisations += 1
        return self._factors[shift]

    def _by_factor(self, shift: float, right: Tensor) -> Tensor:
        return torch.cholesky_solve(right[:, None], self.factor(shift))[:, 0]

    def _prepare(self, shifts: Sequence[float]) -> None:
        """Factorises what is needed for each shift to have a neighbour."""
        lonely = [shift for shift in dict.fromkeys(shifts) if self._neighbour(shift) is None]
        if len(lonely) > 1:
            self.factor(math.exp(math.fsum(map(math.log, lonely)) / len(lonely)))  # their middle
        for shift in lonely:
            if self._neighbour(shift) is None:
                self.factor(shift)

    def _neighbour(self, shift: float) -> float | None:
        """The factorised shift that is nearest, None where it is out of reach."""
        if shift in self._factors:
            return shift
        spent = self._iterations.get(shift, 0.0) > len(self._matrix) / _ITERATIONS
        near = {max(at / shift, shift / at): at for at in self._factors}
        return None if spent or not near or min(near) > REACH else near[min(near)]

    def _near(self, at: float, shifts: list[float], rights: Tensor, tolerance: float) -> Tensor:
        """Solutions with the factor of one shift for others, or with factors of their own."""
        if shifts == [at] * len(shifts):
            return cholesky_solution(self.factor(at), rights)
        found = neighbouring_solution(self.factor(at), at, shifts, rights, tolerance)
        if found is None:
            pairs = zip(shifts, rights, strict=True)
            return torch.cat([cholesky_solution(self.factor(own), b[None]) for own, b in pairs])
        for shift in shifts:
            self._iterations[shift] = self._iterations.get(shift, 0.0) + found[1] / len(shifts)
        return found[0]

    def effective(self, shift: float, left_over: float | None = None) -> float:
        """``tr (M + l)^-1 M``, which is ``n - l tr (M + l)^-1``.

        Args:
            shift: l.
            left_over: that of this shift, where it has been read already.
        """
        if shift not in self._effective:
            total = float(self.left_over(shift)) if left_over is None else left_over
            n = len(self._matrix)
            squares = n if n <= _EXACT else n * PROBES
            self._effective[shift] = max(0.0, n - shift * total * n / squares)
        return self._effective[shift]

    def left_over(self, shift: float) -> Tensor:
        """``tr (M + l)^-1``, a number on the device.

        Beyond a side of 1024 sixteen times as much, estimated by so many random vectors of signs.
        The effective number has a standard deviation of at most the square root of an eighth of it
        then (Hutchinson, "A stochastic estimator of the trace of the influence matrix for Laplacian
        smoothing splines", 1990).
        """
        n = len(self._matrix)
        if self.large and shift not in self._factors:
            signs = random_signs((n, PROBES), self._like).T  # those of a factor
            return (signs * self.solve_each([shift] * PROBES, signs, _OF_A_TRACE)).sum()
        factor = self.factor(shift)
        if n <= _EXACT:
            right = torch.eye(n, dtype=factor.dtype, device=factor.device)
        else:
            right = random_signs((n, PROBES), factor)
        total: Tensor = torch.linalg.solve_triangular(factor, right, upper=False).square_().sum()
        return total


def is_large(n: int, device: torch.device) -> bool:
    """Whether factorisations of a matrix [n, n] serve neighbouring shifts."""
    return n >= LARGE and device.type == "cpu"


def largest_eigenvalue(matrix: Tensor) -> float:
    """Of a positive semidefinite matrix [n, n], by subspace iteration, to some eight digits."""
    return _largest(Formed(matrix).times, matrix)


def _largest(times: Callable[[Tensor], Tensor], like: Tensor) -> float:
    """The same of the matrix with these products; ``like`` has its size, dtype and device."""
    n = len(like)
    generator = torch.Generator().manual_seed(0)
    block = torch.randn((n, min(_BLOCK, n)), generator=generator, dtype=torch.float64)
    image = uploaded(block, like)
    at_once = _AT_ONCE[like.device.type]
    largest = 0.0
    for _ in range(0, _SWEEPS, at_once):
        restricted = []  # the matrix in the subspace, [8, 8] each
        for _ in range(at_once):
            block = torch.linalg.qr(image).Q
            image = times(block)
            restricted.append(block.T @ image)
        for small in torch.stack(restricted).cpu():
            before, largest = largest, float(torch.linalg.eigvalsh(small)[-1])
            if not largest - before > _SETTLED * largest:
                return largest
    return largest
