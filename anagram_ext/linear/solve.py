"""The truncated singular-value solve behind every natural-gradient step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from anagram_ext.checks import check_kind
from anagram_ext.linear.cutoff import Cutoff
from anagram_ext.native.lapack import ensure_lapack
from anagram_ext.native.plan import native_module, stream_of

if TYPE_CHECKING:
    from anagram_ext.native.loading import core

_CLASSES = {torch.float64: "FactorisationF64", torch.float32: "FactorisationF32"}
_DEVICES = ("cpu", "cuda")
_CPU = torch.device("cpu")

# A factorisation for a known cutoff leaves out what is below this fraction of it by default. The
# directions that it keeps are wrong by the fraction squared, divided by the relative gap at the
# cutoff.
_LEFT_OUT = 1e-5


class Factorisation:
    """``J = U diag(sigma) V^T`` with U and V kept as products, never as matrices.

    One factorisation answers for every cutoff, every filter of the singular values and every
    right-hand side: ``expand(f(sigma) * project(r))``. Made by :func:`factorise` and
    :func:`factorise_tiles`. Everything lives on the device of J.

    Attributes:
        singular_values: [k], descending, k <= min(S, P), on the device of J.
        shape: (S, P).
        device: the device of J.
        smallest_cutoff: the cutoff it was made for, or None when it serves all.
    """

    def __init__(
        self,
        native: core.Factorisation,
        dtype: torch.dtype,
        device: torch.device,
        smallest_cutoff: Cutoff | None = None,
        reads: torch.Tensor | None = None,
    ) -> None:
        self._native: Any = native  # on a GPU its methods take a stream, too
        self._reads = reads  # the native object refers to this memory: keep it alive
        self.shape = native.shape
        self.device = device
        self.smallest_cutoff = smallest_cutoff
        # Ranks are counted on the host, where the values come from: no step waits for a GPU there.
        self._on_host = torch.empty(len(native), dtype=dtype)
        native.singular_values(self._on_host)
        self.singular_values = self._on_host.to(device)

    @property
    def method(self) -> str:
        """The path that computed it, ``"dense"`` or ``"adaptive"``."""
        return str(self._native.method)

    def rank(self, cutoff: float | Cutoff) -> int:
        """Number of singular values strictly above the cutoff.

        Raises:
            ValueError: the cutoff is negative, or below the one the factorisation was made for.
        """
        cutoff = Cutoff.of(cutoff)
        made_for = self.smallest_cutoff
        if made_for and (cutoff.relative != made_for.relative or cutoff.value < made_for.value):
            message = f"cutoff: the factorisation was made for {made_for}, got {cutoff}"
            raise ValueError(message)
        return cutoff.rank(self._on_host)

    def project(self, r: torch.Tensor) -> torch.Tensor:
        """``U^T r``: r [S] or [q, S] -> [k] or [q, k].

        Raises:
            ValueError: shape, dtype or device of ``r`` does not fit.
            NonFiniteError: ``r`` holds NaN or infinity.
        """
        rows = self._rows(r, "r")
        y = rows.new_empty(rows.shape[0], len(self.singular_values))
        self._native.project(rows, y, *stream_of(self.device))
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

    def direction(self, r: torch.Tensor, cutoff: float | Cutoff) -> torch.Tensor:
        """Truncated pseudo-inverse on ``r``: ``V_k Sigma_k^-1 U_k^T r``.

        Args:
            r: [S].
            cutoff: relative to the largest singular value when a plain number.

        Returns:
            [P].
        """
        rank = self.rank(cutoff)
        y = self.project(r)
        y[:rank] /= self.singular_values[:rank]
        y[rank:] = 0
        return self.expand(y)

    def _rows(self, vectors: torch.Tensor, name: str) -> torch.Tensor:
        """Vectors [n] or [q, n] as contiguous rows [q, n] without gradient."""
        check_kind(name, vectors, torch.Tensor, "a torch tensor")
        _require_device(name, vectors, self.device)
        if vectors.ndim not in (1, 2):
            message = f"{name}: expected one vector or a matrix of rows, got {list(vectors.shape)}"
            raise ValueError(message)
        return vectors.detach().reshape(-1, vectors.shape[-1]).contiguous()


def factorise(
    J: torch.Tensor,
    *,
    smallest_cutoff: float | Cutoff | None = None,
    left_out: float = _LEFT_OUT,
) -> Factorisation:
    """Factorise a Jacobian once for many cutoffs and right-hand sides.

    Costs O(S P k), k = the number of singular values that matter: those above round-off, or far
    fewer when the smallest cutoff is known. With a high rank it is a plain SVD.

    Args:
        J: [S, P], float64 or float32, on the CPU or a GPU, both sides at least 1; not modified.
        smallest_cutoff: the smallest cutoff that will be asked for; a plain number is relative to
            the largest singular value. The result then reads ``J``, which must not change while
            it is in use. None: serve all cutoffs, and leave ``J`` alone afterwards.
        left_out: the fraction of the smallest cutoff below which singular values may be missing; a
            damped solve, which has no sharp cutoff, can do with much more than a truncated one.

    Returns:
        The factorisation.

    Raises:
        ValueError: shape, dtype or device of ``J`` does not fit, or a negative cutoff.
        NonFiniteError: ``J`` holds NaN or infinity.
        BackendUnavailable: there is no LAPACK, or no CUDA for a ``J`` on a GPU.
        OutOfMemoryError: the memory of the GPU does not suffice.
    """
    _require_matrix(J)
    native_type = _native_type(J.dtype, J.device)
    stream = stream_of(J.device)
    if smallest_cutoff is None:
        return Factorisation(native_type(J.detach(), 0.0, 0.0, *stream), J.dtype, J.device)
    cutoff = Cutoff.of(smallest_cutoff)
    missing = left_out * cutoff.value
    relative, absolute = (missing, 0.0) if cutoff.relative else (0.0, missing)
    native = native_type(J.detach(), relative, absolute, *stream)
    return Factorisation(native, J.dtype, J.device, cutoff, reads=J)


def factorise_tiles(
    tile: Callable[[int], torch.Tensor],
    tile_rows: Sequence[int],
    n_parameters: int,
    dtype: torch.dtype = torch.float64,
    device: torch.device = _CPU,
) -> Factorisation:
    """Factorise a Jacobian that is generated by row tiles and never stored.

    Takes memory for one tile and O((S + P) k), k = the number of singular values above round-off.
    All tiles are generated once for every 256 of them and once more at the end, with equal values
    each time.

    Args:
        tile: ``tile(i)`` returns rows of J, a tensor [tile_rows[i], P] on the device. It
            may be overwritten by the next call.
        tile_rows: number of rows of each tile.
        n_parameters: P.
        dtype: of the tiles, float64 or float32.
        device: of the tiles, the CPU or a GPU.

    Returns:
        The factorisation; it serves all cutoffs.

    Raises:
        ValueError: a tile does not have the announced shape, dtype or device, or the rank exceeds
            4096.
        NonFiniteError: a tile holds NaN or infinity.
        BackendUnavailable: there is no LAPACK, or no CUDA for tiles on a GPU.
        OutOfMemoryError: the memory of the GPU does not suffice.
    """
    if not tile_rows or min(tile_rows) < 1 or n_parameters < 1:
        message = (
            f"tile_rows, n_parameters: expected positive sizes, got {tile_rows}, {n_parameters}"
        )
        raise ValueError(message)
    if dtype not in _CLASSES:
        message = f"dtype: expected float64 or float32, got {dtype}"
        raise ValueError(message)
    native = _native_type(dtype, device).of_tiles(
        lambda i: tile(i).detach(),
        list(tile_rows),
        n_parameters,
        0.0,
        0.0,
        *stream_of(device),
    )
    return Factorisation(native, dtype, device)


def _native_type(dtype: torch.dtype, device: torch.device) -> Any:
    """The native class, with the libraries loaded that it calls."""
    if device.type == "cpu":
        ensure_lapack()
    return getattr(native_module(device.type), _CLASSES[dtype])


@dataclass(frozen=True)
class LstsqResult:
    """Truncated least-squares solution, on the device of J.

    Attributes:
        direction: [P], the minimum-norm solution in the kept singular directions.
        rank: number of singular values strictly above the cutoff.
        singular_values: [k], descending.
    """

    direction: torch.Tensor
    rank: int
    singular_values: torch.Tensor


def lstsq(J: torch.Tensor, r: torch.Tensor, cutoff: float | Cutoff = 1e-6) -> LstsqResult:
    """Minimum-norm solution of ``min |J x - r|`` with small singular values cut off.

    Args:
        J: [S, P], float64 or float32, on the CPU or a GPU; not modified.
        r: [S], same dtype and device.
        cutoff: singular values not above it count as zero; a plain number is relative to the
            largest one.

    Returns:
        Direction, rank and singular values.

    Raises:
        ValueError: shape, dtype or device does not fit, or the cutoff is negative.
        NonFiniteError: ``J`` or ``r`` holds NaN or infinity.
        BackendUnavailable: there is no LAPACK, or no CUDA for a ``J`` on a GPU.
        OutOfMemoryError: the memory of the GPU does not suffice.
    """
    cutoff = Cutoff.of(cutoff)
    _require_matrix(J)
    check_kind("r", r, torch.Tensor, "a torch tensor")
    if r.shape != J.shape[:1] or r.dtype != J.dtype:
        message = f"r: expected {J.dtype} [{J.shape[0]}], got {r.dtype} {list(r.shape)}"
        raise ValueError(message)
    _require_device("r", r, J.device)
    factorisation = factorise(J, smallest_cutoff=cutoff)
    direction = factorisation.direction(r, cutoff)
    return LstsqResult(direction, factorisation.rank(cutoff), factorisation.singular_values)


def _require_matrix(J: torch.Tensor) -> None:
    check_kind("J", J, torch.Tensor, "a torch tensor")
    described = f"{J.dtype} {list(J.shape)} on {J.device}"
    if J.ndim != 2 or J.dtype not in _CLASSES or J.device.type not in _DEVICES:
        message = f"J: expected float64 or float32 [S, P] on cpu or cuda, got {described}"
        raise ValueError(message)
    if 0 in J.shape:
        message = f"J: has no rows or no columns: {described}"
        raise ValueError(message)


def _require_device(name: str, vectors: torch.Tensor, device: torch.device) -> None:
    if vectors.device != device:
        message = f"{name}: expected on {device} like J, got on {vectors.device}"
        raise ValueError(message)
