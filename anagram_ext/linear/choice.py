"""Which solver serves the damped steps of a J: normal equations, QR or singular values.

The thresholds were timed on few problems, which docs/adr/024 names.
"""

from __future__ import annotations

from typing import Final

from anagram_ext.linear.refinement import RESOLVED

# A pass over J for the Gram matrix and some Cholesky factorisations cost as much as sketches that
# search this share of the short side (900 x 257 to 4000 x 4929, see docs/adr/024).
SEARCHED: Final = 0.6
SEARCHED_OF_LARGE: Final = 0.1  # where one or two factorisations serve all shifts
SEARCHED_BESIDE_QR: Final = 0.3  # a QR decomposition and its shifts cost twice as much as those
# Down to so many roundings of sigma_1^2, 3.6e-15, steps by the normal equations can be refined.
REFINABLE: Final = 2.0**4


def gram_pays(
    shape: tuple[int, int], least_damping: float, searched: float, eps: float, large: bool = False
) -> bool:
    """Whether ``Gram`` or ``RowGram`` is accurate enough and faster than a decomposition.

    Args:
        shape: (S, P).
        least_damping: the least shift that will be asked for, relative to sigma_1^2.
        searched: dimension of the subspace in which a decomposition would have to look, about; 0
            where that is not known.
        eps: the spacing of the numbers of J at 1.
        large: the matrix is ``large`` in the sense of ``anagram_ext.linear.shifted``. A search of
            unknown size is not risked then, and the least shift may be smaller: steps are refined.
    """
    if large:
        resolved = least_damping >= REFINABLE * eps
        return resolved and not 0 < searched < SEARCHED_OF_LARGE * min(shape)
    return least_damping >= RESOLVED * eps and searched >= SEARCHED * min(shape)


def triangle_pays(shape: tuple[int, int], searched: float, large: bool) -> bool:
    """Whether shifts too small for ``gram_pays`` are served by a QR decomposition.

    It is accurate for all of them; singular values are faster where few have to be looked for, and
    for a matrix that is not large, whose dimensions matter little.

    Args:
        shape: (S, P).
        searched: as for ``gram_pays``.
        large: as there.
    """
    return large and not 0 < searched < SEARCHED_BESIDE_QR * min(shape)
