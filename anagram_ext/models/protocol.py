"""What a system asks of a model: its parameters as one vector, its values, its derivatives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from anagram_ext.pde.operators import Operator

Layout = Mapping[str, slice]  # which part of theta [P] belongs to what


class JetMap(Protocol):
    """K operators applied to the m outputs of a model, and derivatives of them in theta [P].

    All tensors are contiguous, of one dtype and on one device. Seeds [C, K, m, n] are the
    derivatives of C residual components at n points with respect to the jets [K, m, n]; row
    c * n + i of J belongs to component c at point i.
    """

    def jets(self, theta: Tensor, points: Tensor, out: Tensor | None = None) -> Tensor:
        """The jets [K, m, n] at points [n, d]."""

    def jets_many(self, thetas: Tensor, points: Tensor, out: Tensor | None = None) -> Tensor:
        """The jets [q, K, m, n] of parameter vectors [q, P]."""

    def jacobian(self, theta: Tensor, points: Tensor, seeds: Tensor, out: Tensor) -> None:
        """Writes the rows [C * n, P] of J into ``out``."""

    def jacobian_with_jets(
        self, theta: Tensor, points: Tensor, seeds: Tensor, out: Tensor, jets: Tensor
    ) -> None:
        """The same, and the jets [K, m, n] from the same forward sweep; on the CPU only."""

    def vjp(self, theta: Tensor, points: Tensor, seeds: Tensor, w: Tensor, out: Tensor) -> None:
        """Adds J^T w to ``out`` [P], w [C * n]."""

    def jvp(self, theta: Tensor, points: Tensor, seeds: Tensor, v: Tensor, out: Tensor) -> None:
        """Writes J v to ``out`` [C * n], v [P]."""


class Model(Protocol):
    """A function u_theta of points [n, d] with m outputs.

    Attributes:
        dtype: of parameters, points and values.
        device: ``"cpu"``, ``"cuda"`` or ``"cuda:1"``: where they are.
    """

    @property
    def dtype(self) -> torch.dtype:
        """Of parameters, points and values."""

    @property
    def device(self) -> str:
        """Where they are."""

    @property
    def n_inputs(self) -> int:
        """Number d of coordinates."""

    @property
    def n_outputs(self) -> int:
        """Number m of fields."""

    @property
    def n_parameters(self) -> int:
        """P."""

    @property
    def layout(self) -> Layout:
        """Which part of theta [P] belongs to what; nothing outside of the model cuts theta."""

    def init(self, seed: int) -> Tensor:
        """Random parameters [P]."""

    def __call__(self, theta: Tensor, points: Tensor) -> Tensor:
        """The outputs [n, m] at points [n, d]."""

    def jets(self, wanted: Sequence[Operator]) -> JetMap:
        """The map from parameters to the wanted derivatives of all outputs."""
