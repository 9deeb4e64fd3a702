"""Features that are a coordinate itself, in the units in which a network sees it.

``periodic(x=2.0)`` hands t on as it is. In a window of time of length 0.004 all that a network
can see of such a feature is a constant; centred and stretched it sees [-1, 1], as it would without
a map.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from anagram_ext.models.affine import Affine

if TYPE_CHECKING:
    from collections.abc import Callable

    from anagram_ext.models.input_jets import Slot
    from anagram_ext.models.scales import Interval


@dataclass(frozen=True)
class FeatureUnits:
    """Where the network sees -1 and 1 of each of f features: (feature - centre) / half width.

    Attributes:
        intervals: (centre, half width) of each feature; (0, 1) of all that are no coordinate.
    """

    intervals: tuple[Interval, ...]

    @staticmethod
    def of(features: Callable[[Tensor], Tensor], coordinates: Sequence[Interval]) -> FeatureUnits:
        """Those of features [n, f] of points [n, d], from those of the d coordinates.

        A feature is a coordinate if it has its values at some points. One that is a coordinate
        only there is shifted and stretched like it, which takes nothing from a map.
        """
        random = torch.Generator().manual_seed(0)
        unit = torch.rand((3, len(coordinates)), generator=random, dtype=torch.float64)
        probe = 0.3 + 0.4 * unit  # [3, d]
        intervals = []
        for feature in features(probe).unbind(dim=1):
            same = (i for i in range(probe.shape[1]) if torch.equal(feature, probe[:, i]))
            i = next(same, None)
            intervals.append((0.0, 1.0) if i is None else coordinates[i])
        return FeatureUnits(tuple(intervals))

    @property
    def trivial(self) -> bool:
        """Whether nothing changes."""
        return all(interval == (0.0, 1.0) for interval in self.intervals)

    def values(self, features: Tensor) -> Tensor:
        """The features [n, f] as the network sees them."""
        return self._seen(features, self._centres(features))

    def jets(self, jets: Tensor, slots: Sequence[Slot]) -> Tensor:
        """The jets of the features [n, slots, f] as the network sees them."""
        of_value = [sum(weight for index, weight in slot if not any(index)) for slot in slots]
        constants = jets.new_tensor(of_value, dtype=torch.float64)[:, None]  # [slots, 1]
        return self._seen(jets, constants * self._centres(jets))

    def affine(self, affine: Affine) -> Affine:
        """The features of a change of coordinates, one each, as the network sees them."""
        changes = list(zip(affine.shift, affine.factor, self.intervals, strict=True))
        return Affine(
            tuple(shift + centre / factor for shift, factor, (centre, _) in changes),
            tuple(factor / half for _, factor, (_, half) in changes),
        )

    def _seen(self, numbers: Tensor, centres: Tensor) -> Tensor:
        halves = numbers.new_tensor([half for _, half in self.intervals], dtype=torch.float64)
        return ((numbers.to(torch.float64) - centres) / halves).to(numbers.dtype)

    def _centres(self, like: Tensor) -> Tensor:
        return like.new_tensor([centre for centre, _ in self.intervals], dtype=torch.float64)
