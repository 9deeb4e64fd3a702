"""Long evolutions in windows of time: each begins where the one before ended.

One network for a long time has to learn everything at once, and its optimiser settles for solutions
that are wrong from some time on. Windows are short problems with good first iterates.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import torch

from anagram_ext.checks import check_integer, check_kind, elements, finite_number
from anagram_ext.linear.group import spread_over
from anagram_ext.methods import Stop
from anagram_ext.training.asked import Callback
from anagram_ext.training.directory import STATE
from anagram_ext.training.ending import warning_category
from anagram_ext.training.loop import train
from anagram_ext.training.manifest import Manifest, known_ends, noting, window_folder
from anagram_ext.training.march_result import MarchResult
from anagram_ext.training.windows import Windows
from anagram_ext.verdicts.verdict import Verdict

if TYPE_CHECKING:
    from torch.distributed import ProcessGroup

    from anagram_ext.models.protocol import Model as AnyModel
    from anagram_ext.pde.problem import Problem
    from anagram_ext.training.result import TrainResult
    from anagram_ext.training.run import Run

MOST_WINDOWS: Final = 10**6  # more are refused before they fill the memory
HALVINGS: Final = 5  # of a window whose run fails


def march(
    problem: Problem,
    model: AnyModel | None = None,
    *,
    times: Iterable[float] | None = None,
    windows: int | None = None,
    coordinate: str = "t",
    seed: int = 0,
    out: str | Path | None = None,
    **options: Any,
) -> MarchResult:
    """Trains one network after the other, each on a window of time.

    Every condition has its design of points in every window: as many points as in the problem, in a
    fraction of the time. Conditions at the first time hold in the first window; in the others their
    points ask for continuity with the window before, of as many derivatives in time as the
    equations need. A window whose run fails is tried again at half its length, until one failed at
    every length. The network sees each window as [-1, 1]; behind an input map, those of its
    features that are the time itself.

    Args:
        problem: an evolution, with conditions at the first time.
        model: the network of every window; the problem's own by default.
        times: ends of the windows, from the first time to the last.
        windows: how many equal windows instead; one by default, halved where it fails.
        coordinate: the name of the time.
        seed: of the first network and of sampled points.
        out: folder for a folder a window (see ``train``), which ``ax.load`` reads as one. Windows
            that an earlier part of the march finished there are not trained again, unless
            ``resume=False`` is among the options.
        options: further arguments of ``train`` for every window, ``group`` among them; ``theta`` is
            the first iterate of the first.

    Returns:
        The runs, and the solution at all times; up to the window in which Ctrl-C came.

    Raises:
        ValueError: an argument is wrong, ``grow`` is among the options, nothing holds at the first
            time, the folder is that of another march, or the problem has unknown coefficients,
            which would be others in every window.
    """
    if options.get("grow"):
        raise ValueError("grow must be left out: every window begins with the network before it")
    plan = Windows(problem, model, coordinate, options.get("device"))
    planned = tuple(ends_of_windows(times, windows, plan.bounds))
    given = options.pop("callbacks", ())
    watchers = cast("tuple[Callback, ...]", elements("callbacks", given, "a sequence of functions"))
    theta = options.pop("theta", None)
    resumes = options.pop("resume", out is not None)
    group = options.get("group")
    if out is not None:
        check_kind("out", out, (str, PathLike), "a path")
        if Path(out).exists() and not Path(out).is_dir():
            raise ValueError(f"out must be a folder, got the file {str(out)!r}")
    place = None if out is None else Path(out)
    manifest = Manifest(problem.coordinates, coordinate, planned, planned[:1])
    known = planned[:1]
    if place is not None and resumes:
        known = known_ends(place, manifest, group)

    runs: list[TrainResult] = []
    ends = [planned[0]]
    pending = [*known[1:], *(time for time in planned if time > known[-1])]
    halvings, halves = 0, True
    while pending:
        window = (ends[-1], pending[0])
        before = runs[-1] if runs else None
        trained: list[Run] = []
        begun = noting(place, replace(manifest, times=(*ends, window[1])), group)
        run = train(
            plan.problem(window, before),
            plan.model(window),
            seed=seed,
            theta=theta if before is None else before.theta,
            out=None if place is None else window_folder(place, len(runs)),
            # What else lies there belongs to another march.
            resume=resumes and (place is None or len(ends) < len(known)),
            callbacks=(*watchers, begun, trained.append),
            **options,
        )
        # What follows a window that was trained now began from another one, if it is there at all.
        resumes = resumes and not trained
        finished_before = resumes and len(ends) + 1 < len(known)
        failed = _failed(run, group)
        if failed and halves and halvings < HALVINGS and not finished_before:
            halvings += 1
            if place is not None:
                (window_folder(place, len(runs)) / STATE).unlink(missing_ok=True)
            pending.insert(0, 0.5 * (window[0] + window[1]))
            continue
        begun(run)
        # It failed at every length: what begins where it ended is not mended by shorter windows.
        halves = halves and not failed
        halvings = 0
        runs.append(run)
        ends.append(pending.pop(0))
        if run.stop is Stop.INTERRUPTED:
            break
    return MarchResult(runs, ends, coordinate, problem, plan)


def _failed(run: TrainResult, group: ProcessGroup | None) -> bool:
    """Whether it broke down, overfitted or gave up; a limit that was reached is no failure."""
    failed = run.verdict is Verdict.DIVERGED or warning_category(run) is not None
    with spread_over(group) as ranks:  # whose processors may round a verdict differently
        return failed if ranks is None else ranks.any(failed)


def ends_of_windows(
    times: Iterable[float] | None, windows: int | None, bounds: tuple[float, float]
) -> list[float]:
    """The ends of the windows."""
    if times is not None and windows is not None:
        raise ValueError(f"windows must be left out where times are given, got {windows}")
    if times is None:
        n = 1 if windows is None else check_integer("windows", windows, least=1)
        if n > MOST_WINDOWS:
            raise ValueError(f"windows must be at most {MOST_WINDOWS}, got {n}")
        return torch.linspace(*bounds, n + 1, dtype=torch.float64).tolist()
    given = elements("times", times, "an increasing sequence of numbers")
    ends = [finite_number("each of times", time) for time in given]
    if len(ends) < 2 or any(not a < b for a, b in itertools.pairwise(ends)):
        raise ValueError(f"times must be increasing, two or more, got {ends}")
    if (ends[0], ends[-1]) != bounds:
        raise ValueError(f"times must go from {bounds[0]} to {bounds[1]}, got {ends}")
    return ends
