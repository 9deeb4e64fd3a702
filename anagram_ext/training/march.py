"""Long evolutions in windows of time: each begins where the one before ended.

One network for a long time has to learn everything at once, and its optimiser settles for solutions
that are wrong from some time on. Windows are short problems with good first iterates.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import torch
from torch import Tensor

from anagram_ext.checks import check_integer, check_kind, elements
from anagram_ext.geometry.held_out import evaluation_points
from anagram_ext.methods import Stop
from anagram_ext.models.model import Model
from anagram_ext.pde.coordinates import Coordinates
from anagram_ext.pde.solution import values_to_compare
from anagram_ext.training.loop import Callback, train, warning_category
from anagram_ext.training.verdict import Verdict
from anagram_ext.training.windows import Windows

if TYPE_CHECKING:
    from anagram_ext.models.protocol import Model as AnyModel
    from anagram_ext.pde.problem import Problem
    from anagram_ext.training.result import TrainResult
    from anagram_ext.training.run import Run

HALVINGS: Final = 5  # of a window whose run fails


@dataclass(frozen=True, repr=False)
class MarchResult:
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

    def __call__(self, points: Tensor) -> Tensor:
        """The fields [n, m] at points [n, d], each from the window that it lies in."""
        return self._in_windows(points, lambda run, some: run.model(run.theta, some))

    def jet(self, points: Tensor, names: Iterable[str]) -> dict[str, Tensor]:
        """Fields and derivatives by name, each [n, m]; see ``MLP.jet``."""
        wanted = tuple(names)

        def jets(run: TrainResult, some: Tensor) -> Tensor:
            model = cast("Model", run.model)
            return torch.cat([*model.jet(run.theta, some, wanted).values()], dim=1)

        found = self._in_windows(points, jets)
        return dict(zip(wanted, found.chunk(len(wanted), dim=1), strict=True))

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
        exact = values_to_compare(self._problem, at)
        error = float((self(points).cpu() - exact).square().mean().sqrt())
        return error, error / float(exact.square().mean().sqrt())

    def _in_windows(
        self, points: Tensor, evaluate: Callable[[TrainResult, Tensor], Tensor]
    ) -> Tensor:
        axis = self._problem.coordinates.index(self.coordinate)
        inner = torch.tensor(self.times[1:-1], dtype=torch.float64)
        which = torch.bucketize(points[:, axis].to("cpu", torch.float64).contiguous(), inner)
        parts = [evaluate(run, points[which == k]) for k, run in enumerate(self.runs)]
        out = parts[0].new_empty((len(points), parts[0].shape[1]))
        for k, part in enumerate(parts):
            out[which == k] = part
        return out


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
        out: folder for a folder a window and a try (see ``train``); finished windows that lie there
            are not trained again, unless ``resume=False`` is among the options.
        options: further arguments of ``train`` for every window; ``theta`` is the first iterate of
            the first.

    Returns:
        The runs, and the solution at all times; up to the window in which Ctrl-C came.

    Raises:
        ValueError: an argument is wrong, ``grow`` is among the options, nothing holds at the first
            time, or the problem has unknown coefficients, which would be others in every window.
    """
    if options.get("grow"):
        raise ValueError("grow must be left out: every window begins with the network before it")
    plan = Windows(problem, model, coordinate, options.get("device"))
    runs: list[TrainResult] = []
    first, *pending = ends_of_windows(times, windows, plan.bounds)
    ends = [first]
    halvings = 0
    theta = options.pop("theta", None)
    given = options.pop("callbacks", ())
    watchers = cast("tuple[Callback, ...]", elements("callbacks", given, "a sequence of functions"))
    resumes = options.pop("resume", out is not None)
    while pending:
        window = (ends[-1], pending[0])
        before = runs[-1] if runs else None
        new_rows: list[Run] = []
        run = train(
            plan.problem(window, before),
            plan.model(window),
            seed=seed,
            theta=theta if before is None else before.theta,
            out=None if out is None else Path(out) / _folder(len(runs), halvings),
            resume=resumes,
            callbacks=(*watchers, new_rows.append),
            **options,
        )
        # What follows a window that was trained now began from another one, if it is there at all.
        resumes = resumes and not new_rows
        if _failed(run) and halvings < HALVINGS:
            halvings += 1
            pending.insert(0, 0.5 * (window[0] + window[1]))
            continue
        halvings = 0
        runs.append(run)
        ends.append(pending.pop(0))
        if run.stop is Stop.INTERRUPTED:
            break
    return MarchResult(runs, ends, coordinate, problem)


def _folder(window: int, halvings: int) -> str:
    """A folder for each try: that of the whole window is looked at first when all is resumed."""
    return f"window_{window:03d}" + (f"_halved_{halvings}" if halvings else "")


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
