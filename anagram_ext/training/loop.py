"""The training loop: a method's steps, watched, recorded and stopped."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from anagram_ext.checks import check_seed, check_switches
from anagram_ext.linear.group import spread_over
from anagram_ext.linear.solve import factorise
from anagram_ext.pde.problem import Problem
from anagram_ext.systems.own_scales import in_own_units
from anagram_ext.systems.pde_system import PdeSystem
from anagram_ext.training.asked import (
    Callback,
    check_grows,
    check_system,
    check_together,
    checked_callbacks,
    chosen_method,
    chosen_network,
    first_iterate,
)
from anagram_ext.training.directory import RunDirectory
from anagram_ext.training.ending import finish, warning_category
from anagram_ext.training.growth import LIMITS
from anagram_ext.training.history import History
from anagram_ext.training.interrupts import CtrlC
from anagram_ext.training.limits import checked_limits
from anagram_ext.training.progress import reporting, tell_end
from anagram_ext.training.result import TrainResult
from anagram_ext.training.resume import save_state
from anagram_ext.training.run import Run
from anagram_ext.training.stepping import steps_until_stopped
from anagram_ext.training.together import agreement, resume_together, setting, taken_directory
from anagram_ext.verdicts.validation import Validation

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.distributed import ProcessGroup

    from anagram_ext.linear.cutoff import Cutoff
    from anagram_ext.linear.group import Group
    from anagram_ext.methods import Method
    from anagram_ext.models.protocol import Model

_CALLER = 3  # of train, for warnings: above it is the wrapper that leaves the inference mode


@torch.inference_mode(mode=False)  # where the caller is in it: residuals are differentiated
def train(
    problem: Problem,
    model: Model | nn.Module | None = None,
    *,
    steps: int | None = None,
    seconds: float | None = None,
    seed: int = 0,
    method: str | Method = "natural_lm",
    cutoff: float | Cutoff | None = None,
    theta: Tensor | None = None,
    device: str | torch.device | None = None,
    memory: str = "auto",
    scales: bool = True,
    progress: bool = True,
    out: str | Path | None = None,
    resume: bool = False,
    coupled: bool = True,
    grow: bool = False,
    callbacks: Iterable[Callback] = (),
    group: ProcessGroup | None = None,
) -> TrainResult:
    """Trains a network to solve a problem.

    The run ends after ``steps`` steps, or when the method finds no further step, when the loss has
    sunk to the rounding error of the residual, on Ctrl-C, or when a residual is no longer finite;
    in every case the best iterate comes back and everything is written. Ctrl-C while the result is
    written waits for that, and the run counts as interrupted.

    In three and more dimensions, on points that stay the same, ``natural_lm`` makes neurons that
    hardly matter anew a few times in its first steps from random parameters; see
    ``anagram_ext.training.renewal``.

    A small loss alone is no solution: ``TrainResult.verdict`` says what the run amounts to, and
    ``TrainResult.warning`` in plain words what is wrong with it.

    Args:
        problem: what to solve.
        model: an ``MLP`` or a ``Model``; the problem's own by default. Or any ``torch.nn.Module``
            from points [n, d] to values [n, m]: training starts from its parameters and leaves the
            best ones in it. Its derivatives come by torch.func, one or two orders of magnitude
            slower than the engine's, unless it is a module that ``MLP.from_torch`` takes.
        steps: steps to do; by default the method's usual number, without end where ``seconds``
            are given.
        seconds: time for the method, checked after each step; no limit by default. The method may
            end the run before either limit, see ``anagram_ext.methods.Stop``: ``natural_lm`` does
            when the best loss has not halved in 50 steps (its constant ``PATIENCE``).
        seed: seed of initial parameters and of sampled points.
        method: a name out of ``anagram_ext.methods.names()``, or a method object.
        cutoff: truncation threshold for methods that solve with one; theirs by default. A number
            is relative to the largest singular value.
        theta: first iterate, ``[P]``; ``model.init(seed)`` by default.
        device: where to compute: ``"cpu"``, ``"cuda"`` or ``"cuda:1"``; where the network is by
            default.
        memory: ``"stored"``, ``"streamed"`` (J is never stored, only tiles of its rows) or
            ``"auto"``: streamed when J would take more than a quarter of the memory of the machine
            or GPU. A streamed J is factorised in full: the iterates of methods with a cutoff stay
            the same up to rounding, the damped methods take slightly better steps.
        scales: whether coordinates, fields and conditions are brought to units of their own where
            those of the problem are far from one (see ``anagram_ext.systems.own_scales``); the
            loss is then that of the scaled conditions.
        progress: whether to report on stderr.
        out: folder for history, checkpoint, summary and figures; nothing is written by default.
        resume: whether to go on with the run whose state lies in ``out``, if there is one: with
            the same arguments, and more steps or seconds where it had reached its limit.
        coupled: whether redrawn and adaptive points are tied to the damping of a method that says
            how many parameters it makes effective (``natural_lm``): at least as many points as the
            sampler says, more where they are fewer than ten for each effective parameter of their
            condition, and the same ones for some steps once many parameters are effective. See
            ``anagram_ext.training.coupling``.
        grow: whether the network is made wider, without another function, where it is what limits
            the run: it stands still with as small a loss on points it has not seen as on its own,
            and far from rounding errors. The run goes on, at most four times the method's usual
            number of steps where neither ``steps`` nor ``seconds`` are given, until that no longer
            pays; ``TrainResult.model`` is the last network. See ``anagram_ext.training.growth``.
        callbacks: called with the ``Run`` (``run.steps``, ``run.loss``, ``run.theta``,
            ``run.history.last``) behind every row of the history; the first that returns a string
            ends the run, for that reason.
        group: processes of ``torch.distributed`` that train together, such as
            ``torch.distributed.group.WORLD`` under torchrun. All call this with the same arguments
            and get the same result, up to its times; each evaluates a share of the points, and the
            rows of J stay with it. Rank 0 writes to ``out``, reports and warns. Iterates are those
            of one process with ``memory="streamed"`` up to rounding, whatever the number of ranks.
            See ``docs/guide/many_machines.md``.

    Returns:
        The best iterate, its errors, the history, and why the run ended.

    Raises:
        ValueError: an argument is wrong, or another run writes to ``out``.
        TypeError: an argument is of another kind.
        NonFiniteError: the residual is NaN or infinite before one step is done.
        BackendUnavailable: the device cannot be used.
        OutOfMemoryError: the memory of the GPU does not suffice.
        RankError: a rank of the group has died, hangs, failed, or computes something else.

    Warns:
        DerivativeWarning: a residual hides from autograd what it does with a field.
        HeldOutWarning: the training points are satisfied but not the points between them.
        TrainingWarning: the method gave up before the conditions were satisfied, or no condition
            uses an unknown coefficient.
        FigureWarning: a figure could not be drawn.
        WriteWarning: a file could not be written, for a full disk or a folder that is gone.
    """
    check_switches(scales=scales, progress=progress, resume=resume, coupled=coupled, grow=grow)
    seed = check_seed(seed)
    network = chosen_network(problem, model, device)
    chosen = chosen_method(method, cutoff)
    watchers = checked_callbacks(callbacks)
    limits = checked_limits(steps, seconds, chosen, LIMITS if grow else 1)
    check_together(out, resume, grow, group)
    system, first = _bound(problem, network, theta, seed, memory, scales=scales)
    check_grows(grow, system.model, first)
    check_system(system, stacklevel=_CALLER)
    factorise(torch.ones_like(first[:1, None]))  # loads libraries: no part of the training time
    with (
        spread_over(group) as ranks,
        CtrlC() as ctrl_c,
        taken_directory(out, ranks) as directory,
    ):
        leads = ranks is None or ranks.leads
        progress = progress and leads
        if ranks is not None:
            system = _spread(system, chosen, first, ranks, ctrl_c)
        with (
            _history(directory, problem) as history,
            reporting(progress, limits.steps, limits.seconds) as report,
        ):
            run = Run(
                system,
                Validation(system),
                chosen,
                first,
                history,
                coupled=coupled,
                grows=grow,
                renews=theta is None,
            )
            if resume:
                resume_together(directory, run, seed, ranks)
            if directory is not None:
                directory.begin(anew=not resume)  # not before: who is refused leaves what was there
            save = partial(_save, run, directory, problem, seed)

            def after_row() -> None:
                report(history.last, history.lowest)
                if directory is not None:
                    directory.save_now_and_then(save)

            agreed = agreement(run, ranks, ctrl_c)
            stop_reason = steps_until_stopped(run, limits, after_row, watchers, agreed)
            ctrl_c.hold()  # what was found is written, whatever the hurry
            save()
        result, complaints = finish(run, str(stop_reason), seed, directory, ctrl_c)
    for complaint, kind in complaints:
        warnings.warn(complaint, kind, stacklevel=_CALLER)
    if progress:
        tell_end(result)
    category = warning_category(result) if leads else None
    if category is not None and result.warning is not None:
        warnings.warn(result.warning, category, stacklevel=_CALLER)
    return result


def _bound(
    problem: Problem, network: Model, theta: Tensor | None, seed: int, memory: str, *, scales: bool
) -> tuple[PdeSystem, Tensor]:
    """The problem bound to its network, in units of their own if asked for, and where to begin."""
    first = first_iterate(network, theta, seed)
    system = PdeSystem(problem, network, seed, memory)
    if scales:
        system = in_own_units(system, theta, first, seed)
        first = first_iterate(system.model, theta, seed)
    return system, first


def _spread(
    system: PdeSystem, method: Method, first: Tensor, ranks: Group, ctrl_c: CtrlC
) -> PdeSystem:
    """The rows of this rank, once all ranks are seen to begin the same run."""
    ctrl_c.hold()  # one rank must not leave the others in the middle of a step
    ranks.check_same("problem, method, seed and first iterate", setting(system, method, first))
    return system.spread(ranks)


def _save(run: Run, directory: RunDirectory | None, problem: Problem, seed: int) -> None:
    """Writes the best iterate, and all that going on from here takes."""
    if directory is not None:
        directory.save(problem, run.system.model, run.best_theta)
        directory.attempt(save_state, directory.state, run, seed)


@contextmanager
def _history(directory: RunDirectory | None, problem: Problem) -> Iterator[History]:
    history = History(None if directory is None else directory.history, problem.conditions)
    try:
        yield history
    finally:
        history.close()
