"""Processes that share the rows of one problem: the few things that they tell each other.

A thin layer over ``torch.distributed`` that counts what is sent, explains what fails, and knows
nothing of least squares.
"""

from __future__ import annotations

import hashlib
import pickle
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, cast

import torch
from torch import Tensor

from anagram_ext.checks import check_kind
from anagram_ext.errors import RankError
from anagram_ext.linear.liveness import FAILED, LEFT, LOST, WAITS, WORKS, Liveness

if TYPE_CHECKING:
    from torch.distributed import ProcessGroup

T = TypeVar("T")

_groups: weakref.WeakKeyDictionary[Any, Group] = weakref.WeakKeyDictionary()


class Group:
    """The ranks of a process group, each of which keeps a share of the rows.

    Everything here is collective: all ranks call the same methods in the same order. What comes
    back is the same on all of them, bit by bit, so that decisions taken on it are. Tensors of any
    device go in and come out; in between they are where the backend wants them (the CPU for gloo,
    the GPU for nccl).

    Attributes:
        rank: of this process, from 0.
        size: number of ranks.
        bytes_sent: what this rank has handed over so far, each payload counted once however often
            the library passes it on.
        bytes_received: what others have handed over and this rank got; of a sum, its result.
        waited: seconds spent in collectives, transfer and waiting for others.
    """

    def __init__(self, processes: ProcessGroup) -> None:
        import torch.distributed as dist

        self._dist = dist
        self._reference = weakref.ref(processes)  # it lives as long as torch and the user want
        self.rank, self.size = processes.rank(), processes.size()
        on_gpu = dist.get_backend(processes) == "nccl"
        self._device = torch.device("cuda", torch.cuda.current_device()) if on_gpu else None
        self.bytes_sent = self.bytes_received = 0
        self.waited = 0.0
        self._liveness: Liveness | None = None
        self._rounds = 0

    @classmethod
    def of(cls, processes: object) -> Group:
        """The one that belongs to a process group of ``torch.distributed``.

        Raises:
            TypeError: it is none.
        """
        import torch.distributed as dist

        what = "a process group of torch.distributed, such as torch.distributed.group.WORLD"
        kind = dist.ProcessGroup if dist.is_available() else ()
        check_kind("group", processes, kind, what)
        if processes not in _groups:
            _groups[processes] = cls(cast("ProcessGroup", processes))
        return _groups[processes]

    @property
    def leads(self) -> bool:
        """Whether this is rank 0, which writes files and speaks to the user."""
        return self.rank == 0

    @contextmanager
    def watched(self) -> Iterator[Group]:
        """A block of collectives: where one fails, the error names the rank that is at fault."""
        self._rounds += 1
        prefix = f"{self._processes.group_name}/{self._rounds}"
        self._liveness = Liveness(self._store(), self.rank, self.size, prefix)
        end = LEFT
        try:
            yield self
        except RankError:
            end = LOST  # another one is at fault
            raise
        except BaseException as error:
            end = f"{FAILED}: {type(error).__name__}: {error}"
            raise
        finally:
            self._liveness.stop(end)
            self._liveness = None

    def sum(self, values: Tensor) -> Tensor:
        """The sum over ranks of tensors of one shape: an all-reduce."""
        total = self._outgoing(values).clone()
        with self._talking(total.nbytes, total.nbytes):
            self._dist.all_reduce(total, group=self._processes)
        return total.to(values.device)

    def any(self, flag: bool) -> bool:
        """Whether a flag is set on any rank."""
        return bool(self.sum(torch.tensor([float(flag)]))[0] > 0)

    def gather(self, values: Tensor, lengths: list[int]) -> Tensor:
        """Last dimensions after each other: [..., n_k] of every rank k -> [..., sum of n_k].

        Args:
            values: of this rank, contiguous or not.
            lengths: n_k for all ranks.
        """
        longest = max(lengths)
        padded = values.new_zeros((*values.shape[:-1], longest))
        padded[..., : values.shape[-1]] = values
        padded = self._outgoing(padded)
        parts = [torch.empty_like(padded) for _ in lengths]
        with self._talking(padded.nbytes, (self.size - 1) * padded.nbytes):
            self._dist.all_gather(parts, padded, group=self._processes)
        whole = [part[..., :n] for part, n in zip(parts, lengths, strict=True)]
        return torch.cat(whole, dim=-1).to(values.device)

    def broadcast(self, values: Tensor, source: int = 0) -> Tensor:
        """The tensor of one rank, everywhere; those of other ranks have its shape and dtype."""
        copy = self._outgoing(values).clone()
        own = self.rank == source
        with self._talking(copy.nbytes if own else 0, 0 if own else copy.nbytes):
            self._dist.broadcast(copy, self._global(source), group=self._processes)
        return copy.to(values.device)

    def send(self, values: Tensor, to: int) -> None:
        """Gives a tensor to one rank, which receives it."""
        outgoing = self._outgoing(values)
        with self._talking(outgoing.nbytes, 0):
            self._dist.send(outgoing, self._global(to), group=self._processes)

    def receive(self, like: Tensor, sender: int) -> Tensor:
        """The tensor that one rank sends, of the shape, dtype and device of ``like``."""
        incoming = torch.empty_like(self._outgoing(like))
        with self._talking(0, incoming.nbytes):
            self._dist.recv(incoming, self._global(sender), group=self._processes)
        return incoming.to(like.device)

    def first(self, value: T | None) -> T:
        """An object of rank 0, everywhere."""
        found = [value]
        with self._talking(len(pickle.dumps(value)) if self.leads else 0, 0):
            self._dist.broadcast_object_list(found, self._global(0), self._processes, self._device)
        self.bytes_received += 0 if self.leads else len(pickle.dumps(found[0]))
        return cast("T", found[0])

    def all(self, value: T) -> list[T]:
        """The objects of all ranks, by rank."""
        found: list[Any] = [None] * self.size
        with self._talking(len(pickle.dumps(value)), 0):
            self._dist.all_gather_object(found, value, group=self._processes)
        others = found[: self.rank] + found[self.rank + 1 :]
        self.bytes_received += sum(len(pickle.dumps(each)) for each in others)
        return found

    def together(self, work: Callable[[], T]) -> T:
        """What local work returns; an error on one rank is raised on all.

        Raises:
            Exception: what the work raised here or, where it raised nothing, on the first rank
                where it did.
        """
        result, error = None, None
        try:
            result = work()
        except Exception as caught:
            error = caught
        if self.any(error is not None):
            errors = self.all(None if error is None else _portable(error))
            if error is not None:
                raise error
            raise next(e for e in errors if e is not None)
        return cast("T", result)

    def check_same(self, what: str, value: object) -> None:
        """Raises unless all ranks have the same.

        Args:
            what: ``"parameters"``, for the message.
            value: a tensor, or anything that can be pickled.

        Raises:
            RankError: naming the ranks that differ from most others, or from rank 0 in a draw.
        """
        self._require_equal(what, self.all(_digest(value)))

    def check_in(self, theta: Tensor, word: str | None) -> str | None:
        """The meeting after a step: raises unless all ranks have the same parameters.

        Args:
            theta: the parameters [P].
            word: what this rank has to say.

        Returns:
            The word of the first rank that has one; None where none has.

        Raises:
            RankError: naming the ranks that differ, as ``check_same``.
        """
        digests, words = zip(*self.all((_digest(theta), word)), strict=True)
        self._require_equal("theta", digests)
        return next((word for word in words if word is not None), None)

    def _require_equal(self, what: str, digests: Sequence[bytes]) -> None:
        count = Counter(digests)
        if len(count) == 1:
            return
        usual = max(digests, key=lambda digest: count[digest])  # of equals the first
        others = tuple(rank for rank, digest in enumerate(digests) if digest != usual)
        named = ", ".join(map(str, others))
        raise RankError(
            f"{what} must be the same on all ranks, got others on rank {named} of {self.size}",
            others,
        )

    @contextmanager
    def _talking(self, sent: int, received: int) -> Iterator[None]:
        begin = time.perf_counter()
        if self._liveness is not None:
            self._liveness.doing = WAITS
        try:
            yield
        except RuntimeError as error:  # those of torch.distributed are
            if self._liveness is None:
                raise
            raise self._liveness.diagnosis() from error
        if self._liveness is not None:
            self._liveness.doing = WORKS
        self.bytes_sent += sent
        self.bytes_received += received
        self.waited += time.perf_counter() - begin

    @property
    def _processes(self) -> ProcessGroup:
        processes = self._reference()
        if processes is None:
            raise RuntimeError("the process group has been destroyed")
        return processes

    def _outgoing(self, values: Tensor) -> Tensor:
        device = torch.device("cpu") if self._device is None else self._device
        return values.detach().to(device).contiguous()

    def _global(self, rank: int) -> int:
        """The rank in the world of a rank of the group."""
        return int(self._dist.get_global_rank(self._processes, rank))

    def _store(self) -> Any:
        from torch.distributed import distributed_c10d

        return distributed_c10d._get_default_store()


@contextmanager
def spread_over(processes: ProcessGroup | None) -> Iterator[Group | None]:
    """The watched group of ranks of a process group; None where this process is alone.

    Raises:
        TypeError: it is no process group.
    """
    if processes is None:
        yield None
        return
    with Group.of(processes).watched() as group:
        yield group


def _digest(value: object) -> bytes:
    """Equal for equal values; the bits of a tensor count."""
    if isinstance(value, Tensor):
        value = value.detach().cpu().contiguous().numpy().tobytes()
    return hashlib.blake2b(pickle.dumps(value), digest_size=16).digest()


def _portable(error: Exception) -> Exception:
    """The error itself where it can travel, otherwise its text."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # pickling runs code of the error's own, which may raise anything
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
