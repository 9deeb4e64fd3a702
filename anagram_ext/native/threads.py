"""How many threads the CPU engine and the solver use."""

from __future__ import annotations

from anagram_ext.checks import check_integer
from anagram_ext.native.loading import core


def get_num_threads() -> int:
    """The number of threads that native calls on the CPU use, the caller's included.

    What ``set_num_threads`` said last; before that the environment variable ``OMP_NUM_THREADS``, as
    it was when a native call first looked, and without it one a core.

    Returns:
        At least 1.
    """
    return core.get_num_threads()


def set_num_threads(n: int) -> None:
    """Sets the number of threads that native calls on the CPU use, the caller's included.

    Results do not depend on it, to the last bit. The threads are shared by the whole process and
    sleep while there is nothing to do: of several Python threads that compute at the same time, one
    has their help and the others work alone. Where the system refuses to start as many, those that
    it gives do the work.

    torch's own threads are others: they evaluate residuals, and ``torch.set_num_threads`` sets
    their number. The two never work at the same time for one caller, so both may be the number of
    cores. Where many processes share a machine, set both, or ``OMP_NUM_THREADS``, which both read.

    Args:
        n: 1 or more.

    Raises:
        TypeError: ``n`` is no integer.
        ValueError: ``n`` is below 1, or 2^31 or more.
    """
    checked = check_integer("n", n, 1)
    if checked >= 2**31:
        raise ValueError(f"n must be below 2^31, got {checked}")
    core.set_num_threads(checked)
