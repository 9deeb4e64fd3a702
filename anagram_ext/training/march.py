"""Long evolutions in windows of time: each begins where the one before ended.

One network for a long time has to learn everything at once, and its optimiser settles for solutions
that are wrong from some time on. Windows are short problems with good first iterates.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import torch

from anagram_ext.checks import check_integer, check_kind, elements
from anagram_ext.geometry.held_out import evaluation_points
from anagram_ext.pde.coordinates import Coordinates
from anagram_ext.pde.solution import exact_values
from anagram_ext.training.directory import STATE
from anagram_ext.training.loop import train, warning_category
from anagram_ext.training.manifest import MANIFEST, Manifest, window_folder
from anagram_ext.training.verdict import Verdict
from anagram_ext.training.windowed import Windowed
from anagram_ext.training.windows import Windows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from anagram_ext.models.protocol import Model as AnyModel
    from anagram_ext.pde.problem import Problem
    from anagram_ext.training.loop import Callback
    from anagram_ext.training.result import TrainResult

HALVINGS: Final = 5  # of a window whose run fails


@dataclass(frozen=True, repr=False)
class MarchResult(Windowed):
    """A solution in windows of time.

    Attributes:
        runs: the run of every window, in order.
        times: the ends of the windows, one more than there are windows.
        coordinate: the name of the time.
    """

    runs: Sequence[TrainResult]
    times: Sequence[float]
    coordinate: str
    _problem: Problem

    @property
    def _coordinates(self) -> tuple[str, ...]:
        return self._problem.coordinates

    def plot(self, path: str | Path | None = None) -> Figure:
        """Draws how all windows went and the solution at all times; see ``TrainResult.plot``.

        Args:
            path: PNG file to write; none by default.

        Returns:
            The figure, a ``matplotlib.figure.Figure`` that belongs to no window.
        """
        first = self.runs[0]
        name = f"{self._problem.name}, {first.method}, seed {first.seed}"
        return self._drawn(self._problem, path, name)

    @property
    def loss(self) -> float:
        """The largest loss of a window."""
        return max(run.loss for run in self.runs)

    @property
    def seconds(self) -> float:
        """Time spent in the method in all windows."""
        return sum(run.seconds for run in self.runs)

    @property
    def warning(self) -> str | None:
        """What is wrong with the first window that something is wrong with; None for none."""
        for k, run in enumerate(self.runs):
            if run.warning:
                return f"window {k}, {self.coordinate} in {self._window(k)}: {run.warning}"
        return None

    @property
    def verdict(self) -> Verdict:
        """That of the first window which is not solved; each is judged by itself alone."""
        return next(
            (v for run in self.runs if (v := run.verdict) is not Verdict.SOLVED), Verdict.SOLVED
        )

    @property
    def l2_error(self) -> float:
        """Root mean square error against the solution; nan when the problem has none."""
        return self._errors()[0]

    @property
    def l2_relative(self) -> float:
        """The same over the root mean square of the solution."""
        return self._errors()[1]

    def __repr__(self) -> str:
        """One line without arrays."""
        return (
            f"MarchResult({self.verdict}: {len(self.runs)} windows of {self.coordinate} in "
            f"[{self.times[0]:g}, {self.times[-1]:g}]: loss {self.loss:.2e}, L2 "
            f"{self.l2_error:.2e}, {self.seconds:.2f} s)"
        )

    def _window(self, k: int) -> tuple[float, float]:
        return self.times[k], self.times[k + 1]

    def _errors(self) -> tuple[float, float]:
        if self._problem.solution is None:
            return math.nan, math.nan
        points = self._problem.evaluation
        if points is None:
            points = evaluation_points(c.places_for(0) for c in self._problem.conditions.values())
        at = Coordinates(self._problem.coordinates, points.to("cpu", torch.float64))
        exact = exact_values(self._problem, at)
        error = float((self(points).cpu() - exact).square().mean().sqrt())
        return error, error / float(exact.square().mean().sqrt())


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
    equations need. A window whose run fails is tried again at half its length.

    Args:
        problem: an evolution, with conditions at the first time.
        model: the network of every window; the problem's own by default.
        times: ends of the windows, from the first time to the last.
        windows: how many equal windows instead; one by default, halved where it fails.
        coordinate: the name of the time.
        seed: of the first network and of sampled points.
        out: folder for a folder a window (see ``train``), which ``ax.load`` reads as one.
        options: further arguments of ``train`` for every window. With ``resume=True`` finished
            windows that lie in ``out`` are not trained again.

    Returns:
        The runs, and the solution at all times.

    Raises:
        ValueError: an argument is wrong, ``grow`` is among the options, nothing holds at the first
            time, what is to be resumed is another march, or the problem has unknown coefficients,
            which would be others in every window.
    """
    if options.get("grow"):
        raise ValueError("grow must be left out: every window begins with the network before it")
    plan = Windows(problem, model, coordinate, options.get("device"))
    given = elements("callbacks", options.pop("callbacks", ()), "a sequence of functions of a Run")
    watchers = cast("list[Callback]", list(given))
    runs: list[TrainResult] = []
    planned = tuple(ends_of_windows(times, windows, plan.bounds))
    manifest = Manifest(problem.coordinates, coordinate, planned, planned[:1])
    place = None if out is None else Path(out)
    known = manifest.times
    if place is not None and options.get("resume"):
        known = _known_ends(place, manifest)
    ends = [planned[0]]
    pending = [*known[1:], *(time for time in planned if time > known[-1])]
    halvings = 0
    while pending:
        window = (ends[-1], pending[0])
        folder = None if place is None else window_folder(place, len(runs))
        begun = partial(_note, place, replace(manifest, times=(*ends, window[1])))
        before = runs[-1] if runs else None
        start: dict[str, Any] = {} if before is None else {"theta": before.theta}
        run = train(
            plan.problem(window, before),
            plan.model(window),
            seed=seed,
            out=folder,
            callbacks=[*watchers, begun],
            **start,
            **options,
        )
        taken = len(runs) + 2 < len(known)  # in an earlier part of the march
        if _failed(run) and halvings < HALVINGS and not taken:
            halvings += 1
            _forget(folder)
            pending.insert(0, 0.5 * (window[0] + window[1]))
            continue
        begun(run)
        halvings = 0
        runs.append(run)
        ends.append(pending.pop(0))
    return MarchResult(runs, ends, coordinate, problem)


def _known_ends(folder: Path, march: Manifest) -> tuple[float, ...]:
    """The ends of the windows that an earlier part of the march began; the first end if none.

    Raises:
        ValueError: the folder is that of another march.
    """
    if not (folder / MANIFEST).is_file():
        return march.times
    found = Manifest.read(folder)
    for name in ("coordinates", "coordinate", "planned"):
        if getattr(found, name) != getattr(march, name):
            raise ValueError(
                f"resume must go on with the same march: {name} was {getattr(found, name)!r}, "
                f"got {getattr(march, name)!r}"
            )
    return found.times


def _note(folder: Path | None, march: Manifest, _run: object) -> None:
    """Writes down which windows were begun: a callback of the last one."""
    if folder is not None:
        march.write(folder)


def _forget(folder: Path | None) -> None:
    """Leaves nothing of a window that failed for its first half to resume."""
    if folder is not None:
        (folder / STATE).unlink(missing_ok=True)


def _failed(run: TrainResult) -> bool:
    """Whether it broke down, overfitted or gave up; a limit that was reached is no failure."""
    return run.verdict is Verdict.DIVERGED or warning_category(run) is not None


def ends_of_windows(
    times: Iterable[float] | None, windows: int | None, bounds: tuple[float, float]
) -> list[float]:
    """The ends of the windows."""
    if times is not None and windows is not None:
        raise ValueError(f"windows must be left out where times are given, got {windows}")
    if times is None:
        n = 1 if windows is None else check_integer("windows", windows, least=1)
        return torch.linspace(*bounds, n + 1, dtype=torch.float64).tolist()
    given = elements("times", times, "an increasing sequence of numbers")
    for time in given:
        check_kind("each of times", time, (int, float), "a number")
    ends = [float(cast("float", time)) for time in given]
    if len(ends) < 2 or any(not a < b for a, b in itertools.pairwise(ends)):
        raise ValueError(f"times must be increasing, two or more, got {ends}")
    if (ends[0], ends[-1]) != bounds:
        raise ValueError(f"times must go from {bounds[0]} to {bounds[1]}, got {ends}")
    return ends
