"""Several processes with gloo between them, for tests of what spreads over ranks.

They come from a fork server that has imported everything: a process costs milliseconds, and none of
the threads of the process that runs the tests.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import time
import traceback
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch

LIMIT = 240  # seconds after which a test's processes are killed
TESTS = Path(__file__).parent


@dataclass(frozen=True)
class Outcome:
    """What became of a rank: its result, or its error; neither if it was killed."""

    result: Any = None
    error: BaseException | None = None
    told: str = ""


def on_ranks(
    size: int, task: str, timeout: float = 60, stuck: int | None = None, **arguments: Any
) -> list[Outcome]:
    """Runs ``task(group, **arguments)`` of ``rank_tasks.py`` on so many ranks.

    Args:
        size: number of ranks.
        task: name of the function.
        timeout: of collectives, in seconds.
        stuck: a rank that is not waited for, but killed when all others have ended.
        arguments: whatever can be pickled.

    Returns:
        What became of each.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["rank_tasks"])
    path = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(TESTS), *([path] if path else [])])
    try:
        with tempfile.TemporaryDirectory() as folder:
            processes = [
                context.Process(
                    target=_rank, args=(rank, size, folder, timeout, (task, arguments)), daemon=True
                )
                for rank in range(size)
            ]
            for process in processes:
                process.start()
            end = time.monotonic() + LIMIT
            for rank, process in enumerate(processes):
                if rank != stuck:
                    process.join(max(0.0, end - time.monotonic()))
            for process in processes:
                process.kill()
                process.join()
            return [_outcome(Path(folder) / f"outcome{rank}") for rank in range(size)]
    finally:
        if path is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = path


def results(size: int, task: str, **arguments: Any) -> list[Any]:
    """The results of all ranks; raises where one failed."""
    outcomes = on_ranks(size, task, **arguments)
    for rank, outcome in enumerate(outcomes):
        if outcome.error is not None:
            raise AssertionError(f"rank {rank}: {outcome.told}") from outcome.error
    assert all(outcome.told for outcome in outcomes), "a rank was killed"
    return [outcome.result for outcome in outcomes]


def _outcome(file: Path) -> Outcome:
    return torch.load(file, weights_only=False) if file.exists() else Outcome()


def _rank(
    rank: int, size: int, folder: str, timeout: float, work: tuple[str, dict[str, Any]]
) -> None:
    import warnings

    import torch.distributed as dist

    import rank_tasks

    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo",
        init_method=f"file://{folder}/store",
        rank=rank,
        world_size=size,
        timeout=timedelta(seconds=timeout),
    )
    try:
        task, arguments = work
        outcome = Outcome(getattr(rank_tasks, task)(dist.group.WORLD, **arguments), told="done")
    except BaseException as error:
        outcome = Outcome(error=error, told="".join(traceback.format_exception(error)))
    file = Path(folder) / f"outcome{rank}"
    torch.save(outcome, file.with_suffix(".part"))
    file.with_suffix(".part").rename(file)
    os._exit(0)  # a broken group is not worth an orderly end
