"""Errors and warnings that a caller may want to catch by type.

Bad arguments are ValueError or TypeError.
"""

from __future__ import annotations


class NonFiniteError(ArithmeticError):
    """A residual, its derivative or a loss became NaN or infinite.

    Attributes:
        condition: name of the condition, or None when no single condition is to blame.
        point: coordinates of the first offending point, or None when no point is to blame.
    """

    def __init__(
        self,
        message: str,
        *,
        condition: str | None = None,
        point: tuple[float, ...] | None = None,
    ) -> None:
        super().__init__(message)
        self.condition = condition
        self.point = point


class BackendUnavailable(RuntimeError):
    """A device or library that this installation cannot use; the text says what to do."""


class CudaError(RuntimeError):
    """A call of CUDA, cuBLAS or cuSOLVER failed; the text names the call and its place."""


class OutOfMemoryError(CudaError):
    """The memory of a GPU does not suffice; the text says what was needed and what is free.

    ``ax.step(..., memory="streamed")`` never stores the Jacobian; fewer points need less.
    """


class RankError(RuntimeError):
    """One of many processes has died, hangs, failed, or computes something else than the others.

    Attributes:
        ranks: which ones, as far as that is known.
    """

    def __init__(self, message: str, ranks: tuple[int, ...] = ()) -> None:
        super().__init__(message)
        self.ranks = ranks


class TrainingWarning(UserWarning):
    """A run that ended by itself without solving its problem; ``TrainResult.warning`` says more."""


class HeldOutWarning(TrainingWarning):
    """A network that satisfies the conditions at the training points, but not between them."""


class FigureWarning(UserWarning):
    """A figure that could not be drawn; everything else of the run is there."""


class WriteWarning(UserWarning):
    """A file of a run that could not be written; the result that the caller gets is whole."""


class SlowWarning(UserWarning):
    """Something that works, but far slower than it could; the text says why."""


class DerivativeWarning(UserWarning):
    """A residual that hides from autograd what it does with a field: its Jacobian is not its own.

    ``detach()`` does, a detour through NumPy or ``tolist()``, ``torch.tensor(...)`` of a tensor,
    ``autograd.grad`` without ``create_graph``, or an ``autograd.Function`` with another derivative.
    A term that lags behind on purpose may be worth it; then silence this warning.
    """


class BroadcastWarning(UserWarning):
    """A residual that is a table [n, n] by a slip of shapes: [n, 1] has met [n]."""
