"""Why a run ends: a kind that programs compare, and a sentence that people read."""

from __future__ import annotations

from enum import Enum


class Stop(str, Enum):
    """The kinds of reasons; each is its own text, and begins every sentence of its kind.

    A sentence is the text of a kind, or that text, a colon and what else is known:
    ``Stop.NO_PROGRESS.because("no damping lowers the loss")`` is
    ``"no progress: no damping lowers the loss"``.

    When a method gives up is its own affair, and a constant of its module: ``natural_lm.PATIENCE``
    is 50 steps in which the best loss has not halved, ``descent.PATIENCE`` (``anagram``,
    ``engd``, ``gd``) 20 steps in a row that lower nothing, and ``amstramgram`` and
    ``levenberg_marquardt`` end with the first step that finds no lower loss.
    """

    STEPS_REACHED = "steps reached"
    TIME_REACHED = "time reached"
    ROUND_OFF = "the loss is at round-off"
    NO_PROGRESS = "no progress"
    CONVERGED = "converged"  # to a minimum where the residual does not vanish
    INTERRUPTED = "interrupted"
    NOT_FINITE = "not finite"
    BY_CALLBACK = "ended by a callback"
    BY_METHOD = "ended by the method"  # for a reason of its own, whatever its words

    __str__ = str.__str__  # the text, not the name of the member

    def because(self, detail: object) -> str:
        """The sentence for a reason of this kind."""
        return f"{self}: {detail}"

    @classmethod
    def of(cls, sentence: str) -> Stop:
        """The kind of a sentence; ``BY_METHOD`` for one that is of no other kind."""
        try:
            return cls(sentence.partition(":")[0])
        except ValueError:
            return cls.BY_METHOD
