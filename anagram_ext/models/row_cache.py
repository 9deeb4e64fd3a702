"""Values for every point of a point set, made once and kept for as long as the points live."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

_lock = threading.Lock()  # of the parts of all caches
_caches: weakref.WeakSet[RowCache] = weakref.WeakSet()


@dataclass
class _Parts:
    """What is known of the points in one piece of memory, as long as they are of one kind."""

    memory: StorageWeakRef
    kind: tuple[int, torch.dtype, int]
    values: dict[tuple[int, int], Tensor] = field(default_factory=dict)  # (start, end) in elements


class RowCache:
    """Rows of values that belong to the rows of point sets [n, d].

    Points are known by their memory and its version, so that ``points[a:b]`` finds what was made
    for ``points`` or for the same part of it, and points changed in place find nothing. The memory
    is referred to weakly: the next computation of any cache drops the values of points that are
    gone, so that points drawn anew at every step leave one set of values behind at most.

    Args:
        compute: values [n, ...] of points [n, d]. Every row must depend on its own point only.
    """

    def __init__(self, compute: Callable[[Tensor], Tensor]) -> None:
        self._compute = compute
        self._known: dict[
            int, _Parts
        ] = {}  # by address of the memory, which a weak reference keeps
        with _lock:
            _caches.add(self)

    def __call__(self, points: Tensor) -> Tensor:
        """The values of contiguous points; those of others are computed every time."""
        if points.is_inference() or not points.is_contiguous() or not len(points):
            return self._compute(points)
        with _lock:
            found = self._find(points)
        if found is None:
            found = self._compute(points)
            with _lock:
                self._keep(points, found)
        return found

    def _find(self, points: Tensor) -> Tensor | None:
        parts = self._known.get(_address(points))
        if parts is None or parts.kind != _kind(points):
            return None
        start, end = _elements(points)
        if (start, end) in parts.values:
            return parts.values[start, end]
        d = points.shape[1]
        for (first, last), values in parts.values.items():
            if first <= start and end <= last and (start - first) % d == 0:
                return values[(start - first) // d : (end - first) // d]
        return None

    def _keep(self, points: Tensor, values: Tensor) -> None:
        for cache in _caches:
            cache._drop_expired()
        parts = self._known.get(_address(points))
        if parts is None or parts.kind != _kind(points):
            memory = StorageWeakRef(points.untyped_storage())  # type: ignore[no-untyped-call]
            parts = _Parts(memory, _kind(points))
            self._known[_address(points)] = parts
        start, end = _elements(points)
        outside = {
            (first, last): kept
            for (first, last), kept in parts.values.items()
            if first < start or last > end
        }
        # Parts that overlap in many ways must not add up to more than the whole, twice.
        most = 2 * points.untyped_storage().nbytes() // points.element_size()
        if sum(last - first for first, last in outside) + end - start > most:
            outside = {}
        parts.values = {**outside, (start, end): values}

    def _drop_expired(self) -> None:
        for address, parts in list(self._known.items()):
            if parts.memory.expired():  # type: ignore[no-untyped-call]
                del self._known[address]


def _address(points: Tensor) -> int:
    return int(points.untyped_storage()._cdata)


def _elements(points: Tensor) -> tuple[int, int]:
    """Where the points begin and end in their memory."""
    start = int(points.storage_offset())
    return start, start + points.numel()


def _kind(points: Tensor) -> tuple[int, torch.dtype, int]:
    """Version, dtype and d."""
    return points._version, points.dtype, points.shape[1]
