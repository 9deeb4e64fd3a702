"""What a system asks of a model: its parameters as one vector, its values, its derivatives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from anagram_ext.pde.coordinates import Coordinates
    from anagram_ext.pde.derivative import Lookup
    from anagram_ext.pde.operators import Operator
    from anagram_ext.pde.problem import Problem
    from anagram_ext.pde.unknown import Unknown

Layout = Mapping[str, slice]  # which part of theta [P] belongs to what


class JetMap(Protocol):
    """K operators applied to the m channels of a model, and derivatives of them in theta [P].

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
    """A function u_theta of points [n, d] with one output for each field of a problem.

    Its channels are what the engine differentiates: the outputs of its networks, and the unknown
    coefficients. Fields are made of the former point by point.

    Attributes:
        dtype: of parameters, points and values.
        device: ``"cpu"``, ``"cuda"`` or ``"cuda:1"``: where they are.
        n_parameters: P.
        n_channels: m, unknown coefficients included.
        layout: which part of theta [P] belongs to what; nothing outside of the model cuts theta.
        unknowns: the unknown coefficients, the last channels.
    """

    @property
    def dtype(self) -> torch.dtype:
        """Of parameters, points and values."""

    @property
    def device(self) -> str:
        """Where they are."""

    @property
    def n_parameters(self) -> int:
        """P."""

    @property
    def n_channels(self) -> int:
        """How many functions of the points the jets hold, m."""

    @property
    def layout(self) -> Layout:
        """Which part of theta [P] belongs to what."""

    @property
    def unknowns(self) -> Mapping[str, Unknown]:
        """The unknown coefficients, the last channels."""

    def bound(self, problem: Problem, device: str | None = None) -> Model:
        """The same model with the coordinates and unknowns of a problem, on a device.

        Raises:
            ValueError: it does not map the problem's coordinates to its fields.
        """

    def init(self, seed: int) -> Tensor:
        """Random parameters [P]."""

    def __call__(self, theta: Tensor, points: Tensor) -> Tensor:
        """The fields [n, number of fields] at points [n, d]."""

    def jets(
        self, wanted: Sequence[Operator], uses: Sequence[tuple[int, int]] | None = None
    ) -> JetMap:
        """The map from parameters to the wanted derivatives of all channels.

        Args:
            wanted: K operators.
            uses: the pairs (k, j) of operator and channel that anybody looks at; all by default.
        """

    def fields(self, channels: Sequence[Lookup], coordinates: Coordinates) -> Sequence[Lookup]:
        """The lookup of every field, from those of the networks' outputs."""

    def describe(self) -> dict[str, object]:
        """What the model is, as plain numbers and strings, for summaries and checkpoints."""


@runtime_checkable
class Widening(Protocol):
    """A model that can grow without another function."""

    def widened(self, theta: Tensor, by: float, seed: int = 0) -> tuple[Model, Tensor]:
        """A larger model with the same fields, and its parameters.

        Args:
            theta: parameters [P].
            by: a factor of the hidden widths, above one.
            seed: of the new weights.
        """


@runtime_checkable
class Renewing(Protocol):
    """A model whose neurons can be made anew where they hardly matter."""

    def renewed(self, theta: Tensor, points: Tensor, seed: int = 0) -> tuple[Tensor, int]:
        """Parameters [P] of nearly the same fields, and how many neurons are new.

        Args:
            theta: parameters [P].
            points: where neurons are looked at, [n, d].
            seed: of the new weights.
        """
