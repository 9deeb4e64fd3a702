"""What a step costs whose rows are spread over ranks, by part: a model with five constants.

Counts are those of ``anagram_ext.linear.merged`` and ``common_basis`` and of the native
factorisation, for ranks that have the same k and tell equal parts of the rows; the constants are
rates of one machine. ``spread.py`` measures them, checks the model and extrapolates it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

NUMBER = 8  # bytes
EVALUATIONS = 10  # residuals gathered in a step of natural_lm, about


@dataclass(frozen=True)
class Problem:
    """S rows, P parameters, k singular values above rounding."""

    S: float
    P: float
    k: float


@dataclass(frozen=True)
class Machine:
    """Rates of one rank and of what lies between ranks.

    Attributes:
        rows: entries of J made a second.
        flops: operations a second of a factorisation of many rows.
        merges: the same of what follows, where few rows are at once.
        bandwidth: bytes a second, of one rank.
        latency: seconds a message.
    """

    rows: float
    flops: float
    merges: float
    bandwidth: float
    latency: float


def factorisation(n: float, P: float, k: float) -> float:
    """Operations of a factorisation [n, P] of rank k: sketch and image, two QR, one small SVD."""
    k = min(k, n, P)
    return 4 * n * P * k + 4 * (n + P) * k**2 + 20 * k**3


def chooses(problem: Problem, ranks: int) -> bool:
    """Whether ranks tell few rows each, and not their factors."""
    return ranks > 1 and 4 * problem.k * ranks <= (ranks - 1) * problem.P


def levels(ranks: int) -> int:
    """Rounds of the tree."""
    return math.ceil(math.log2(ranks))


def merging(problem: Problem, ranks: int) -> float:
    """Operations of what follows the factorisation of one's own rows."""
    P, k = problem.P, problem.k
    if not chooses(problem, ranks):
        return levels(ranks) * factorisation(2 * k, P, k)
    sketch, basis, seen, told = 4 * P * k**2, 4 * P * k**2, 2 * P * k**2, 2 * P * k**2
    choice = 16 / 3 * k**3  # LU of 2 k x 2 k
    return sketch + basis + seen + told + levels(ranks) * (choice + factorisation(2 * k, k, k))


def seconds(problem: Problem, ranks: int, machine: Machine) -> dict[str, float]:
    """The parts of a step, in seconds; each rank has S / ranks rows."""
    S, P, k = problem.S, problem.P, problem.k
    one_after_the_other, messages = levels(ranks) * 2 * k * P, levels(ranks) * 2
    if chooses(problem, ranks):  # rows of all ranks arrive at all; sketches, factors and V in basis
        one_after_the_other = k * P + levels(ranks) * (2 * k**2 + 2 * k**2)
        messages = ranks + levels(ranks) * 6
    return {
        "rows of J": S * P / ranks / machine.rows,
        "own factorisation": factorisation(S / ranks, P, k) / machine.flops,
        "merges": merging(problem, ranks) / machine.merges,
        "factors sent": NUMBER * one_after_the_other / machine.bandwidth
        + messages * machine.latency,
        "vectors gathered": EVALUATIONS
        * (ranks - 1)
        * (NUMBER * S / ranks / machine.bandwidth + machine.latency),
    }


def bytes_sent(problem: Problem, ranks: int) -> dict[str, float]:
    """What a rank hands over: for a factorisation (rank 0, any other one), for one residual."""
    S, P, k = problem.S, problem.P, problem.k
    if ranks == 1:
        return {"rank 0": NUMBER * (k * P + k), "others": 0.0, "residual": NUMBER * S}
    first, others = k * P + k, k * P
    if chooses(problem, ranks):  # its rows; the top: V in the basis; others: sketch and factor
        first, others = P * k / ranks + k**2 + k, P * k / ranks + 2 * k**2 + k**2
    return {"rank 0": NUMBER * first, "others": NUMBER * others, "residual": NUMBER * S / ranks}


def most_useful(problem: Problem, machine: Machine, most: int = 1 << 20) -> int:
    """The power of two ranks beyond which twice as many save less than a third of the time."""
    ranks = 1
    while ranks < most:
        now, then = (sum(seconds(problem, n, machine).values()) for n in (ranks, 2 * ranks))
        if then > 2 / 3 * now:
            break
        ranks *= 2
    return ranks
