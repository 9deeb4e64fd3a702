"""Several methods, several seeds, one problem: medians and quartiles as a table and figures."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from anagram_ext.errors import FigureWarning
from anagram_ext.figures import canvas
from anagram_ext.methods import Stop
from anagram_ext.training.files import replace_file
from anagram_ext.training.interrupts import CtrlC
from anagram_ext.training.loop import train
from anagram_ext.training.result import TrainResult

if TYPE_CHECKING:
    from anagram_ext.pde.problem import Problem

GRID: Final = 400  # abscissas of an aggregated curve
QUARTILES: Final = (25, 50, 75)
_LABELS: Final = {"l2_error": "L2 error", "loss": "loss"}


@dataclass(frozen=True, repr=False)
class Comparison:
    """All runs of a comparison.

    Attributes:
        problem: name of the problem.
        runs: for each method its runs, one a seed.
        complete: False when Ctrl-C cut the comparison short.
    """

    problem: str
    runs: Mapping[str, Sequence[TrainResult]]
    complete: bool = True

    def __repr__(self) -> str:
        """The table below a line that says of what."""
        cut = "" if self.complete else ", interrupted"
        return f"Comparison({self.problem}{cut})\n{self.markdown()}"

    def markdown(self) -> str:
        """A table with one line a method: median and quartiles over the seeds."""
        lines = [
            "| method | seeds | L2 error (quartiles) | loss (quartiles) | steps | seconds |",
            "|---|---|---|---|---|---|",
        ]
        lines += [_line(method, runs) for method, runs in self.runs.items() if runs]
        return "\n".join(lines) + "\n"


def compare(
    problem: Problem,
    methods: Sequence[str],
    seeds: Sequence[int],
    out: str | Path,
    *,
    steps: int | None = None,
    seconds: float | None = None,
    progress: bool = True,
    resume: bool = False,
) -> Comparison:
    """Trains with every method from every seed, and draws what came out.

    Writes the files of each run to ``out/METHOD/seed_K``, and to ``out`` the table
    ``comparison.md`` (anew after each run) and the figures ``l2_error.png`` and ``loss.png``.
    Ctrl-C ends the comparison with the run it hits, which does not count.

    Args:
        problem: what to solve, with a network of its own.
        methods: method names.
        seeds: seeds of the runs.
        out: folder to write to.
        steps: steps a run; each method's usual number by default.
        seconds: seconds a run, as in ``train``.
        progress: whether to report on stderr.
        resume: whether to go on with the runs whose states lie in ``out``: those that had come to
            their end come back as they were.

    Returns:
        All finished runs by method.

    Raises:
        ValueError: an argument is wrong, or another run writes to the folder of one of the runs.
        NonFiniteError: the residual of a first iterate is NaN or infinite.

    Warns:
        HeldOutWarning: a run satisfied its training points but not the points between them.
        TrainingWarning: the method of a run gave up before the conditions were satisfied.
        FigureWarning: a figure could not be drawn.
    """
    runs: dict[str, list[TrainResult]] = {method: [] for method in methods}
    comparison = Comparison(problem.name, runs)
    for method, seed in ((method, seed) for method in methods for seed in seeds):
        folder = Path(out) / method / f"seed_{seed}"
        run = train(
            problem,
            steps=steps,
            seconds=seconds,
            seed=seed,
            method=method,
            progress=progress,
            out=folder,
            resume=resume,
        )
        complete = run.stop is not Stop.INTERRUPTED
        if complete:  # a run that was cut says nothing about its method
            runs[method].append(run)
        comparison = Comparison(problem.name, runs, complete)
        replace_file(Path(out) / "comparison.md", comparison.markdown().encode())
        if not complete:
            break
    with CtrlC() as ctrl_c:
        ctrl_c.hold()
        complaints = _draw(comparison, Path(out))
    for complaint in complaints:
        warnings.warn(complaint, FigureWarning, stacklevel=2)
    return replace(comparison, complete=False) if ctrl_c.pressed else comparison


def curve(
    runs: Sequence[TrainResult], horizontal: str, vertical: str
) -> tuple[np.ndarray, np.ndarray]:
    """Quartiles over the runs of a history column, against steps or seconds.

    A run counts with its lowest value up to each abscissa, after its end as well: a run returns its
    best iterate, and what its path does on the way is not what a user has in hand.

    Returns:
        Abscissas ``[GRID]``, spaced evenly on a logarithmic axis from the first step on, and
        quartiles ``[3, GRID]``.
    """
    first = min(float(run.history[horizontal][1]) for run in runs)
    end = max(float(run.history[horizontal][-1]) for run in runs)
    grid = np.geomspace(first, end, GRID)
    rows = []
    for run in runs:
        latest = np.searchsorted(run.history[horizontal], grid, side="right") - 1
        lowest = np.fmin.accumulate(run.history[vertical])
        rows.append(lowest[np.maximum(latest, 0)])
    return grid, np.percentile(np.stack(rows), QUARTILES, axis=0)


def _draw(comparison: Comparison, folder: Path) -> list[str]:
    """Draws the figures; returns what could not be drawn, and why."""
    complaints = []
    for vertical in _LABELS:
        path = folder / f"{vertical}.png"
        complaints.append(canvas.complaint(path, partial(_draw_one, comparison, vertical, path)))
    return [complaint for complaint in complaints if complaint is not None]


def _draw_one(comparison: Comparison, vertical: str, path: Path) -> None:
    """One quantity against steps and against seconds: medians as lines, quartiles as bands."""
    figure = canvas.new_figure(10, 4, comparison.problem)
    for axes, horizontal in zip(
        canvas.panels(figure, 1, 2, sharey=True)[0], ("step", "seconds"), strict=True
    ):
        for method, runs in _drawable(comparison, vertical):
            grid, (low, median, high) = curve(runs, horizontal, vertical)
            (line,) = axes.plot(grid, median, label=method)
            axes.fill_between(grid, low, high, color=line.get_color(), alpha=0.2)
        canvas.logarithmic(axes, horizontal)
        if axes.lines:  # ten thousand cheap steps beside a hundred dear ones
            axes.set_xscale("log")
        axes.set_ylabel(_LABELS[vertical])
    canvas.write(figure, path)


def _drawable(comparison: Comparison, vertical: str) -> Iterator[tuple[str, Sequence[TrainResult]]]:
    for method, runs in comparison.runs.items():
        curves = [run.history[vertical] for run in runs]
        if runs and all(len(values) > 1 and np.all(values > 0) for values in curves):
            yield method, runs


def _line(method: str, runs: Sequence[TrainResult]) -> str:
    cells = [
        method,
        str(len(runs)),
        _spread([run.l2_error for run in runs]),
        _spread([run.loss for run in runs]),
        f"{np.median([run.steps for run in runs]):.0f}",
        f"{np.median([run.seconds for run in runs]):.1f}",
    ]
    return f"| {' | '.join(cells)} |"


def _spread(values: Sequence[float]) -> str:
    low, median, high = np.percentile(values, QUARTILES)
    return f"{median:.1e} ({low:.1e} - {high:.1e})"
