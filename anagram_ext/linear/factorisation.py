"""One factorisation of a Jacobian, for all cutoffs, dampings and right-hand sides."""

from __future__ import annotations

import math
from typing import Any, Final

import torch

from anagram_ext.checks import check_kind, finite_number, number_from_zero
from anagram_ext.errors import NonFiniteError
from anagram_ext.linear.cutoff import Cutoff
from anagram_ext.linear.left_out import press
from anagram_ext.native.plan import stream_of


class Factorisation:
    """``J = U diag(sigma) V^T`` with U and V kept as products, never as matrices.

    One factorisation answers for every cutoff, every filter of the singular values and every
    right-hand side: ``expand(f(sigma) * project(r))``. ``project`` and ``push`` are U^T and U,
    ``pull`` and ``expand`` are V^T and V. Made by ``factorise`` and
    ``factorise_tiles``. Everything lives on the device of J.

    Args:
        native: a native factorisation, or what has its methods (``anagram_ext.linear.merged``).
        dtype: of J.
        device: of J.
        smallest_cutoff: see below.
        reads: memory that ``native`` refers to.
        order: place in r [S] of each of its rows; None where they are in that order.

    Attributes:
        singular_values: [k], descending, k <= min(S, P), on the device of J.
        shape: (S, P).
        device: the device of J.
        smallest_cutoff: the cutoff it was made for, or None when it serves all.
    """

    def __init__(
        self,
        native: Any,
        dtype: torch.dtype,
        device: torch.device,
        *,
        smallest_cutoff: Cutoff | None = None,
        reads: torch.Tensor | None = None,
        order: torch.Tensor | None = None,
    ) -> None:
        self._native = native  # on a GPU its methods take a stream, too
        self._reads = reads  # the native object refers to this memory: keep it alive
        self._order = order  # place in r of each row of the native object, None: the same
        self.shape = native.shape
        self.device = device
        self.smallest_cutoff = smallest_cutoff
        # Ranks are counted on the host, where the values come from: no step waits for a GPU there.
        self._on_host = torch.empty(len(native), dtype=dtype)
        native.singular_values(self._on_host)
        self.singular_values = self._on_host.to(device, non_blocking=True)
        self._leverages: tuple[float, torch.Tensor, torch.Tensor] | None = None

    @property
    def method(self) -> str:
        """The path that computed it, ``"dense"`` or ``"adaptive"``."""
        return str(self._native.method)

    @property
    def searched(self) -> int:
        """Dimension of the subspace in which singular values were looked for, k or more.

        What a factorisation costs is in proportion to it.
        """
        return int(self._native.searched)

    @property
    def largest(self) -> float:
        """The largest singular value; 0 for a zero matrix."""
        return float(self._on_host[0]) if len(self._on_host) else 0.0

    def __repr__(self) -> str:
        return (
            f"Factorisation(shape={self.shape}, {len(self._on_host)} singular values up to "
            f"{self.largest:.3g}, {self.method})"
        )

    def rank(self, cutoff: float | Cutoff) -> int:
        """Number of singular values strictly above the cutoff.

        Raises:
            ValueError: the cutoff is negative, or below the one the factorisation was made for.
        """
        cutoff = Cutoff.of(cutoff)
        made_for = self.smallest_cutoff
        if made_for and (cutoff.relative != made_for.relative or cutoff.value < made_for.value):
            raise ValueError(
                f"cutoff must be at least the {made_for} that J was factorised for, got {cutoff}"
            )
        return cutoff.rank(self._on_host)

    def count_above(self, share: float) -> int:
        """Number of singular values above a share of the largest one."""
        check_kind("share", share, (int, float), "a number")
        share = share if share == math.inf else finite_number("share", share)
        least = share * self.largest
        return int((self._on_host > least).sum())

    def project(self, r: torch.Tensor, *, finite: bool = False) -> torch.Tensor:
        """``U^T r``: r [S] or [q, S] -> [k] or [q, k].

        Args:
            r: vectors, one or many.
            finite: ``r`` is known to be so and is not looked at: on a GPU that has to be waited
                for.

        Raises:
            ValueError: shape, dtype or device of ``r`` does not fit.
            NonFiniteError: ``r`` holds NaN or infinity.
        """
        rows = self._rows(r, "r")
        if self._order is not None:
            rows = rows[:, self._order]
        y = rows.new_empty(rows.shape[0], len(self.singular_values))
        self._native.project(rows, y, *stream_of(self.device), finite=finite)
        return y.reshape(*r.shape[:-1], y.shape[1])

    def expand(self, y: torch.Tensor) -> torch.Tensor:
        """``V y``: y [k] or [q, k] -> [P] or [q, P].

        Raises:
            ValueError: shape, dtype or device of ``y`` does not fit.
        """
        rows = self._rows(y, "y")
        x = rows.new_empty(rows.shape[0], self.shape[1])
        self._native.expand(rows, x, *stream_of(self.device))
        return x.reshape(*y.shape[:-1], x.shape[1])

    def pull(self, x: torch.Tensor) -> torch.Tensor:
        """``V^T x``: x [P] or [q, P] -> [k] or [q, k].

        Raises:
            ValueError: shape, dtype or device of ``x`` does not fit.
            NonFiniteError: ``x`` holds NaN or infinity.
        """
        rows = self._rows(x, "x")
        y = rows.new_empty(rows.shape[0], len(self.singular_values))
        self._native.pull(rows, y, *stream_of(self.device))
        return y.reshape(*x.shape[:-1], y.shape[1])

    def push(self, y: torch.Tensor) -> torch.Tensor:
        """``U y``: y [k] or [q, k] -> [S] or [q, S]; ``push(sigma * pull(x))`` is ``J x``.

        Raises:
            ValueError: shape, dtype or device of ``y`` does not fit.
        """
        rows = self._rows(y, "y")
        r = rows.new_empty(rows.shape[0], self.shape[0])
        self._native.push(rows, r, *stream_of(self.device))
        if self._order is not None:
            native, r = r, torch.empty_like(r)
            r[:, self._order] = native
        return r.reshape(*y.shape[:-1], r.shape[1])

    def direction(self, r: torch.Tensor, cutoff: float | Cutoff) -> torch.Tensor:
        """Truncated pseudo-inverse on ``r``: ``V_k Sigma_k^-1 U_k^T r``.

        Args:
            r: [S].
            cutoff: relative to the largest singular value when a plain number.

        Returns:
            [P].

        Raises:
            ValueError: shape, dtype or device of ``r`` or the cutoff does not fit.
            NonFiniteError: ``r`` holds NaN or infinity, or the direction is beyond the largest
                number of its dtype.
        """
        rank = self.rank(cutoff)
        rows = self._rows(r, "r")
        # Powers of two that bring r and J near one, where their products might leave the range.
        of_r, of_j = (
            _exponent(float(rows.abs().max()) if rows.numel() else 0.0),
            _exponent(self.largest),
        )
        y = self.project(_times_power(rows, -of_r))
        y[:, :rank] /= _times_power(self.singular_values[:rank], -of_j)
        y[:, rank:] = 0
        direction = _times_power(self.expand(y), of_r - of_j)
        if not bool(torch.isfinite(direction).all()):
            largest = torch.finfo(direction.dtype).max
            raise NonFiniteError(f"direction must be below {largest:.3g}, got more; scale J and r")
        return direction.reshape(*r.shape[:-1], self.shape[1])

    def effective(self, damping: float) -> float:
        """The effective number of parameters ``df = sum sigma^2 / (sigma^2 + l)``.

        As many combinations of the rows a damped solve can follow.

        Args:
            damping: l relative to the square of the largest singular value, at least 0.

        Raises:
            ValueError: the damping is negative or not finite.
        """
        return float(self._shares(damping)[0].sum())

    def leverages(self, damping: float) -> torch.Tensor:
        """How many of the effective parameters each row claims, ``diag U f U^T`` [S].

        f = sigma^2 / (sigma^2 + l). Row i of a damped solve fits the share h_i of whatever it says;
        the h_i add up to ``effective``. Costs about as much as applying U to k vectors.

        Args:
            damping: l relative to the square of the largest singular value, at least 0.

        Raises:
            ValueError: the damping is negative or not finite.
        """
        return self._fitted_and_free(damping)[0].clone()

    def left_out(self, r: torch.Tensor, damping: float) -> torch.Tensor:
        """The residual of each row at the damped solution of all other rows, [S].

        ``((I - H) r)_i / (1 - h_i)`` with ``H = U f U^T``, exactly. Source: Allen (1974) and Golub,
        Heath & Wahba (1979), see ``anagram_ext.linear.left_out``.

        Args:
            r: [S].
            damping: l relative to the square of the largest singular value, at least 0.

        Returns:
            The residuals; nan or inf where a row is fitted whatever it says (l = 0 and no more rows
            than parameters).

        Raises:
            ValueError: the damping is negative or not finite, or ``r`` does not fit.
            NonFiniteError: ``r`` holds NaN or infinity.
        """
        _, lost = self._shares(damping)
        if self._rows(r, "r").shape[0] != 1:
            raise ValueError(f"r must have shape [{self.shape[0]}], got {list(r.shape)}")
        (rows,) = self._rows(r, "r")
        coordinates = self.project(rows)
        remaining = self.push(lost * coordinates)
        if len(lost) < self.shape[0]:  # otherwise U is square, and nothing lies outside of it
            remaining = remaining + (rows - self.push(coordinates))
        left_out: torch.Tensor = remaining / self._fitted_and_free(damping)[1]
        return left_out

    def press(self, r: torch.Tensor, damping: float) -> float:
        """What the loss of a damped solve would be on rows that it has not seen.

        The predicted residual sum of squares as a loss, ``1/2 ||left_out||^2``. For rows that carry
        the square roots of their weights it is a weighted mean over points, as the loss is.

        Args:
            r: [S].
            damping: l relative to the square of the largest singular value, at least 0.

        Returns:
            The loss; inf where rows are fitted whatever they say.

        Raises:
            ValueError: the damping is negative or not finite, or ``r`` does not fit.
            NonFiniteError: ``r`` holds NaN or infinity.
        """
        return press(self.left_out(r, damping))

    def _shares(self, damping: float) -> tuple[torch.Tensor, torch.Tensor]:
        """What a damping leaves of each direction, f [k], and 1 - f without a difference."""
        damping = number_from_zero("damping", damping)
        # Relative to the largest, so that no square leaves the range of numbers.
        squares = (self.singular_values / (self.largest or 1.0)).square()
        total = squares + damping
        there = total > 0
        total = torch.where(there, total, torch.ones_like(total))
        return squares / total, torch.where(there, damping / total, torch.ones_like(total))

    def _fitted_and_free(self, damping: float) -> tuple[torch.Tensor, torch.Tensor]:
        """Leverages h [S], and 1 - h, no difference where U is square; the last ones are kept."""
        damping = number_from_zero("damping", damping)
        if self._leverages is None or self._leverages[0] != damping:
            seen, free = self._row_squares(torch.stack(self._shares(damping)))
            if len(self.singular_values) < self.shape[0]:
                rounding = _ROUNDING * torch.finfo(seen.dtype).eps
                free = free + (1.0 - seen - free).clamp(min=rounding)
            self._leverages = (damping, seen, free)
        return self._leverages[1:]

    def _row_squares(self, weights: torch.Tensor) -> torch.Tensor:
        """``sum_j w_j U_ij^2`` for weights [q, k], [q, S]; U is made some columns at a time."""
        k = len(self.singular_values)
        sums = weights.new_zeros((len(weights), self.shape[0]))
        for start in range(0, k, _COLUMNS):
            width = min(_COLUMNS, k - start)
            units = weights.new_zeros((width, k))
            units[:, start : start + width].fill_diagonal_(1.0)
            sums += weights[:, start : start + width] @ self.push(units).square_()
        return sums

    def _rows(self, vectors: torch.Tensor, name: str) -> torch.Tensor:
        """Vectors [n] or [q, n] as contiguous rows [q, n] without gradient."""
        check_kind(name, vectors, torch.Tensor, "a torch tensor")
        require_device(name, vectors, self.device)
        if vectors.ndim not in (1, 2):
            raise ValueError(
                f"{name} must be one vector or a matrix of rows, got shape {list(vectors.shape)}"
            )
        if vectors.dtype != self.singular_values.dtype or not vectors.shape[-1]:
            raise ValueError(
                f"{name} must be numbers of {self.singular_values.dtype} like J, got "
                f"{list(vectors.shape)} of {vectors.dtype}"
            )
        return vectors.detach().resolve_neg().reshape(-1, vectors.shape[-1]).contiguous()


_ROUNDING: Final = 16  # units of it that a sum of squares along a row of U is right to, about
_COLUMNS: Final = 64  # of U that are made at once
_MODERATE: Final = 2.0**40  # with its inverse: a range whose products every dtype can hold


def _exponent(size: float) -> int:
    """0 for numbers of usual size, otherwise e such that size / 2^e is between 1/2 and 1."""
    if size == 0 or 1 / _MODERATE < size < _MODERATE:
        return 0
    return math.frexp(size)[1]


def _times_power(values: torch.Tensor, exponent: int) -> torch.Tensor:
    """Values times 2^exponent, in steps that are numbers of any dtype."""
    while exponent:
        step = max(-100, min(100, exponent))
        values = values * 2.0**step
        exponent -= step
    return values


def require_device(name: str, vectors: torch.Tensor, device: torch.device) -> None:
    """Raises ValueError unless the vectors are where J is."""
    if vectors.device != device:
        raise ValueError(f"{name} must be on {device} like J, got one on {vectors.device}")
