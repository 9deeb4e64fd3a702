"""What a step costs whose rows are spread over ranks, by part: a model with five constants.

Counts are those of ``anagram_ext.linear.merged`` and ``common_basis`` and of the native
factorisation, for ranks that know equally many directions and tell equal parts of the rows; the
constants are rates of one machine. ``spread.py`` measures them, checks the model and extrapolates
it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

NUMBER = 8  # bytes
SPARE = 8  # columns of a sketch beyond what it has to show, as in ``common_basis``
EVALUATIONS = 10  # residuals gathered in a step of natural_lm, about


@dataclass(frozen=True)
class Problem:
    """S rows, P parameters, k singular values above rounding.

    Where singular values sink until they are rounding errors, three numbers say how many there are,
    and each is another one: k is cut at one unit of rounding, what a rank knows of its own rows
    at sixteen, and of rows that ranks tell, some differ by no more than rounding errors.

    Attributes:
        S: rows.
        P: parameters.
        k: singular values of the whole.
        own: singular values of the rows of one rank; k by default.
        told: rows that all ranks together tell; k by default.
    """

    S: float
    P: float
    k: float
    own: float = 0.0
    told: float = 0.0

    def __post_init__(self) -> None:
        for name in ("own", "told"):
            object.__setattr__(self, name, getattr(self, name) or self.k)


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


def sketched(problem: Problem, ranks: int) -> float:
    """Columns of the sketches by which ranks choose rows; 0 where they tell whole factors."""
    width = 2 * (problem.own + SPARE)
    while 2 * width * ranks <= (ranks - 1) * problem.P:
        if problem.told <= width - SPARE:
            return width
        width *= 2
    return 0.0


def below(rank: int, ranks: int) -> int:
    """The ranks that a rank of the tree stands for, itself one of them."""
    return ranks if rank == 0 else min(rank & -rank, ranks - rank)


def levels(ranks: int) -> int:
    """Rounds of the tree."""
    return math.ceil(math.log2(ranks))


def merging(problem: Problem, ranks: int) -> float:
    """Operations of what follows the factorisation of one's own rows."""
    P, k = problem.P, problem.k
    if not sketched(problem, ranks):
        return levels(ranks) * factorisation(2 * k, P, k)
    sketch, basis, seen, told = 4 * P * k**2, 4 * P * k**2, 2 * P * k**2, 2 * P * k**2
    choice = 16 / 3 * k**3  # LU of 2 k x 2 k
    return sketch + basis + seen + told + levels(ranks) * (choice + factorisation(2 * k, k, k))


def seconds(problem: Problem, ranks: int, machine: Machine) -> dict[str, float]:
    """The parts of a step, in seconds; each rank has S / ranks rows."""
    S, P, k = problem.S, problem.P, problem.k
    one_after_the_other, messages = levels(ranks) * 2 * k * P, levels(ranks) * 2
    if width := sketched(
        problem, ranks
    ):  # rows of all arrive at all; sketches, factors, V in basis
        told = problem.told
        one_after_the_other = told * P + levels(ranks) * (problem.own * width + 2 * k * told)
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


def bytes_sent(problem: Problem, ranks: int, rank: int) -> float:
    """What a rank hands over for a factorisation, without flags and counts of a few bytes."""
    P, k, told = problem.P, problem.k, problem.told
    known = below(rank, ranks) * problem.own  # directions that it brings up the tree, at most
    width = sketched(problem, ranks)
    if not width:
        return NUMBER * (k * P + k if rank == 0 else min(known, k) * P)
    rows = P * told / ranks
    if rank == 0:  # which rows to tell; sigma, and V in their basis
        return NUMBER * (rows + told + k + k * told)
    return NUMBER * (rows + min(known, told) * (width + 1) + min(known, k) * told)


def residual_bytes(problem: Problem, ranks: int) -> float:
    """What a rank hands over for one residual."""
    return NUMBER * problem.S / ranks


def most_useful(problem: Problem, machine: Machine, most: int = 1 << 20) -> int:
    """The power of two ranks beyond which twice as many save less than a third of the time."""
    ranks = 1
    while ranks < most:
        now, then = (sum(seconds(problem, n, machine).values()) for n in (ranks, 2 * ranks))
        if then > 2 / 3 * now:
            break
        ranks *= 2
    return ranks
