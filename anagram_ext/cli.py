"""The command line: ``anagram-ext info | list | new | train | compare | show``.

Exit codes: 0 done; 1 the run broke down (its best iterate is written all the same); 2 wrong input;
130 ended by Ctrl-C (everything is written).
"""

from __future__ import annotations

import math
import re
import sys
import textwrap
import warnings
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, TextIO, cast

import typer

from anagram_ext import methods, problem_files, problems
from anagram_ext.errors import (
    BackendUnavailable,
    CudaError,
    FigureWarning,
    NonFiniteError,
    TrainingWarning,
    WriteWarning,
)
from anagram_ext.figures import canvas
from anagram_ext.installation import info as installation
from anagram_ext.models.mlp import MLP
from anagram_ext.training import comparison as comparing
from anagram_ext.training.ending import warning_category
from anagram_ext.training.loading import load_folder
from anagram_ext.training.loop import train as run_training
from anagram_ext.training.result import TrainResult
from anagram_ext.training.saved import SavedRun
from anagram_ext.training.saved_march import SavedMarch

if TYPE_CHECKING:
    from anagram_ext.models.protocol import Model

# Exit codes, see above.
BROKEN_DOWN = 1
WRONG_INPUT = 2
CTRL_C = 130  # what a shell reports for a process ended by SIGINT

MOST_SEEDS = 1000  # in one range: more are a slip of the hand, as in 0-20251128

app = typer.Typer(
    help="Train physics-informed neural networks with the ANaGRAM natural gradient.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

ProblemName = Annotated[
    str, typer.Argument(metavar="PROBLEM", help="A name out of ``list``, or a file MY_PDE.py.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", help="Change the network: widths=2-40-40-1 or activation=sin."),
]
Steps = Annotated[
    int | None, typer.Option(help="Steps of a run; the method's usual number by default.")
]
Seconds = Annotated[
    float | None, typer.Option(help="Time of a run in its method; no limit by default.")
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on with what lies in --out, where there is a state.")
]
ShowProgress = Annotated[bool, typer.Option("--progress/--quiet", help="Report on stderr.")]


def main() -> None:
    """Runs the command line; errors of the input become one line on stderr."""
    warnings.simplefilter("ignore", TrainingWarning)  # said in a line of our own
    warnings.simplefilter("always", FigureWarning)
    warnings.simplefilter("always", WriteWarning)
    warnings.showwarning = _show_warning
    try:
        app()
    except (ValueError, BackendUnavailable, CudaError, NonFiniteError, OSError) as error:
        _fail(str(error), WRONG_INPUT)
    except KeyboardInterrupt:
        _fail("interrupted before there was anything to write", CTRL_C)


@app.command()
def info() -> None:
    """Versions, processor, and what this installation can use."""
    for name, value in installation().items():
        print(f"{name}: {value}")


@app.command("list")
def list_problems() -> None:
    """The problems and the methods."""
    width = max(map(len, problems.names()))
    print("problems")
    for name in problems.names():
        equation = (getattr(problems, name).__doc__ or "").partition("\n")[0]
        print(f"  {name:{width}}  {equation}")
    print("methods")
    print(f"  {', '.join(methods.names())}")


@app.command()
def new(
    path: Annotated[Path, typer.Argument(metavar="MY_PDE.py", help="The file to write.")],
) -> None:
    """Write a commented problem to start from."""
    problem_files.write_template(path)
    print(f"wrote {path}; train it with: anagram-ext train {path}")


@app.command()
def show(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The --out of a run.")],
    problem: Annotated[
        str | None,
        typer.Argument(
            metavar="[PROBLEM]",
            help="Its file MY_PDE.py, for the solution in the figure; known for those of ``list``.",
        ),
    ] = None,
    *,
    open_figure: Annotated[bool, typer.Option("--open", help="Open the figure.")] = False,
) -> None:
    """What came out of a run so far: its summary, and a figure."""
    run = load_folder(folder)
    _print_entries(run.summary)
    if not run.finished:
        print(run)
    figure = folder / "run.png"
    complaint = canvas.complaint(figure, partial(_draw, run, problem, figure))
    if complaint is not None:
        _warn(complaint)
    for path in sorted(folder.glob("*.png")):
        print(f"figure: {path}")
    if open_figure and complaint is None:
        typer.launch(str(figure))


@app.command()
def train(
    problem: ProblemName,
    *,
    steps: Steps = None,
    seconds: Seconds = None,
    seed: Annotated[int, typer.Option(help="Initial parameters and sampled points.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Folder for history, checkpoint, summary and figures.")
    ] = None,
    method: Annotated[str, typer.Option(help="A name out of ``list``.")] = "natural_lm",
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:1.")] = "cpu",
    cutoff: Annotated[
        float | None, typer.Option(help="Truncation relative to the largest singular value.")
    ] = None,
    settings: Settings = None,
    coupled: Annotated[
        bool, typer.Option("--coupled/--no-coupled", help="Tie redrawn points to the damping.")
    ] = True,
    resume: Resume = False,
    progress: ShowProgress = True,
) -> None:
    """Train the network of a problem; the last line says L2 error and time."""
    chosen = problem_files.problem_named(problem, settings or [])
    with problem_files.errors_in(problem):
        result = run_training(
            chosen,
            steps=steps,
            seconds=seconds,
            seed=seed,
            method=method,
            cutoff=cutoff,
            device=device,
            progress=progress,
            out=out,
            coupled=coupled,
            resume=resume,
        )
    print(_first_line(result))
    if result.stop is not methods.Stop.INTERRUPTED:  # whoever pressed Ctrl-C knows
        _print_verdict(result)
    print(_last_line(result))
    if result.stop is methods.Stop.INTERRUPTED:
        raise typer.Exit(CTRL_C)
    if result.stop is methods.Stop.NOT_FINITE:
        _fail(result.stop_reason, BROKEN_DOWN)


@app.command()
def compare(
    problem: ProblemName,
    *,
    out: Annotated[Path, typer.Option(help="Folder for all runs, the table and the figures.")],
    names: Annotated[str, typer.Option("--methods", help="Method names, with commas.")],
    seeds: Annotated[str, typer.Option(help="Seeds such as 0-4 or 0,2,5.")] = "0-4",
    steps: Steps = None,
    seconds: Seconds = None,
    settings: Settings = None,
    resume: Resume = False,
    progress: ShowProgress = True,
) -> None:
    """Train with several methods from several seeds; prints medians and quartiles."""
    chosen = [name.strip() for name in names.split(",")]
    for name in chosen:
        methods.get(name)  # a wrong name is an error now, not after the first runs
    if len(set(chosen)) != len(chosen):
        raise ValueError(f"methods must all differ, got {names!r}")
    solved = problem_files.problem_named(problem, settings or [])
    with problem_files.errors_in(problem):
        comparison = comparing.compare(
            solved,
            chosen,
            parse_seeds(seeds),
            out,
            steps=steps,
            seconds=seconds,
            progress=progress,
            resume=resume,
        )
    print(comparison.markdown(), end="")
    for runs in comparison.runs.values():
        for run in runs:
            if warning_category(run) is not None:
                _warn(f"{run.method}, seed {run.seed}: {run.warning}")
    if not comparison.complete:
        raise typer.Exit(CTRL_C)


def parse_seeds(text: str) -> list[int]:
    """Reads ``0-4`` or ``0,2,5-7`` as a list of seeds.

    Raises:
        ValueError: the text is something else.
    """
    seeds: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        if match is None or int(match[2] or match[1]) < int(match[1]):
            raise ValueError(f"seeds must look like 0-4 or 0,2,5, got {text!r}")
        first, last = int(match[1]), int(match[2] or match[1])
        if last - first >= MOST_SEEDS:
            raise ValueError(f"seeds must be at most {MOST_SEEDS} at a time, got {text!r}")
        seeds.extend(range(first, last + 1))
    return seeds


def _draw(run: SavedRun | SavedMarch, name: str | None, path: Path) -> None:
    """Draws a run, with its solution where the problem has that name or is one of ``list``."""
    solved = str(run.summary.get("problem")) if name is None else name
    if name is None and solved not in problems.names():
        run.plot(path)
        return
    problem = problem_files.problem_named(solved, [])
    if not isinstance(problem.model, MLP):  # which may hold functions, as files do not
        run = load_folder(run.folder, cast("Model", problem.model))
    run.plot(path, problem)


def _print_entries(entries: Mapping[str, object], indent: str = "") -> None:
    """One entry a line in 80 columns; those of a mapping below its name."""
    for name, value in entries.items():
        if isinstance(value, Mapping) and value:
            print(f"{indent}{name}:")
            _print_entries(value, f"{indent}  ")
        else:
            text = f"{indent}{name}: {value}"
            print(textwrap.fill(text, 80, subsequent_indent=f"{indent}  "))


def _first_line(result: TrainResult) -> str:
    end = f"{result.stop_reason} after {result.steps} steps, loss {result.loss:.3e}"
    return end if result.verdict == result.stop_reason else f"{result.verdict}: {end}"


def _print_verdict(result: TrainResult) -> None:
    """The loss of each condition, and what is wrong."""
    for name, loss in result.losses.items():
        print(f"loss of {name}: {loss:.3e}, {_held_out(result, name)}")
    if warning_category(result) is not None:
        _warn(str(result.warning))
    elif result.warning is not None:
        print(result.warning)


def _held_out(result: TrainResult, name: str) -> str:
    loss = result.held_out_losses[name]
    if math.isnan(loss):
        return f"nothing held out: {result.unseen[name]}"
    return f"held out {loss:.3e}"


def _last_line(result: TrainResult) -> str:
    return (
        f"L2 error {result.l2_error:.3e} (relative {result.l2_relative:.3e}) "
        f"in {result.seconds:.2f} s"
    )


def _show_warning(  # noqa: PLR0917 -- the arguments of Python's own
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """In the place of Python's own, which adds a file and a line of code."""
    del category, filename, lineno, file, line
    _warn(str(message))


def _warn(message: str) -> None:
    print(f"warning: {' '.join(message.split())}", file=sys.stderr)


def _fail(message: str, code: int) -> NoReturn:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(code)
