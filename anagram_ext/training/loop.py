"""The training loop: a method's steps, watched, recorded and stopped."""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch

from anagram_ext import methods
from anagram_ext.checks import (
    check_integer,
    check_kind,
    check_seed,
    check_switches,
    check_theta,
    device_name,
    elements,
)
from anagram_ext.errors import (
    FigureWarning,
    HeldOutWarning,
    NonFiniteError,
    TrainingWarning,
    WriteWarning,
)
from anagram_ext.installation import versions
from anagram_ext.linear.group import spread_over
from anagram_ext.linear.solve import factorise
from anagram_ext.methods import Stop
from anagram_ext.models.model import model_of
from anagram_ext.models.protocol import Widening
from anagram_ext.models.torch_model import TorchModel
from anagram_ext.pde.problem import Problem
from anagram_ext.systems.own_scales import in_own_units
from anagram_ext.systems.pde_system import PdeSystem
from anagram_ext.training.directory import RunDirectory
from anagram_ext.training.growth import FACTOR, LIMITS
from anagram_ext.training.history import History
from anagram_ext.training.interrupts import CtrlC
from anagram_ext.training.progress import reporting, tell_end
from anagram_ext.training.result import TrainResult
from anagram_ext.training.resume import save_state
from anagram_ext.training.run import Run
from anagram_ext.training.together import (
    Agreement,
    agreement,
    resume_together,
    setting,
    taken_directory,
)
from anagram_ext.training.validation import Validation
from anagram_ext.training.verdict import Verdict

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.distributed import ProcessGroup

    from anagram_ext.linear.cutoff import Cutoff
    from anagram_ext.methods import Method
    from anagram_ext.models.protocol import Model

Callback = Callable[[Run], "str | None"]

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
        HeldOutWarning: the training points are satisfied but not the points between them.
        TrainingWarning: the method gave up before the conditions were satisfied.
        FigureWarning: a figure could not be drawn.
        WriteWarning: a file could not be written, for a full disk or a folder that is gone.
    """
    check_switches(scales=scales, progress=progress, resume=resume, coupled=coupled, grow=grow)
    seed = check_seed(seed)
    network = _network(problem, model, device)
    chosen = chosen_method(method, cutoff)
    watchers = _callbacks(callbacks)
    limits = checked_limits(steps, seconds, chosen, LIMITS if grow else 1)
    _check_together(out, resume, grow, group)
    first = _first_iterate(network, theta, seed)
    system = PdeSystem(problem, network, seed, memory)
    if scales:
        system = in_own_units(system, theta, first, seed)
        network = system.model
        first = _first_iterate(network, theta, seed)
    _check_grows(grow, network, first)
    if not system.n_rows:
        raise ValueError(f"problem must hold at least one point, got none in {problem.name!r}")
    factorise(torch.ones_like(first[:1, None]))  # loads libraries: no part of the training time
    with (
        spread_over(group) as ranks,
        CtrlC() as ctrl_c,
        taken_directory(out, ranks) as directory,
    ):
        leads = ranks is None or ranks.leads
        progress = progress and leads
        if ranks is not None:
            ctrl_c.hold()  # one rank must not leave the others in the middle of a step
            ranks.check_same(
                "problem, method, seed and first iterate", setting(system, chosen, first)
            )
            system = system.spread(ranks)
        with (
            _history(directory, problem) as history,
            reporting(progress, limits.steps, limits.seconds) as report,
        ):
            run = Run(
                system, Validation(system), chosen, first, history, coupled=coupled, grows=grow
            )

            if resume:
                resume_together(directory, run, seed, ranks)
            if directory is not None:
                directory.begin(anew=not resume)  # not before: who is refused leaves what was there

            def save() -> None:
                if directory is not None:
                    directory.save(problem, run.system.model, run.best_theta)
                    directory.attempt(save_state, directory.state, run, seed)

            def after_row() -> None:
                report(history.last, history.lowest)
                if directory is not None:
                    directory.save_now_and_then(save)

            agreed = agreement(run, ranks, ctrl_c)
            stop_reason = _guarded(run, limits, after_row, watchers, agreed)
            ctrl_c.hold()  # what was found is written, whatever the hurry
            save()
        result, complaints = _finished(run, str(stop_reason), seed, directory, ctrl_c)
    for complaint, kind in complaints:
        warnings.warn(complaint, kind, stacklevel=_CALLER)
    if progress:
        tell_end(result)
    category = warning_category(result) if leads else None
    if category is not None and result.warning is not None:
        warnings.warn(result.warning, category, stacklevel=_CALLER)
    return result


def warning_category(result: TrainResult) -> type[TrainingWarning] | None:
    """Of the Python warning that a result deserves; None for what its caller knows or asked for.

    A run that overfitted or gave up looks finished and is wrong. That steps or time were used up,
    or that the error may be larger than hoped, is told by ``TrainResult.verdict`` and ``.warning``.
    """
    if result.verdict is Verdict.OVERFITTED:
        return HeldOutWarning
    # Where the loss is zero there was nothing left to do.
    gave_up = result.stop is Stop.NO_PROGRESS and result.loss > 0
    return TrainingWarning if result.verdict is Verdict.STALLED and gave_up else None


def _callbacks(callbacks: Iterable[Callback]) -> list[Callback]:
    """The callbacks as a list, checked."""
    watchers = list(elements("callbacks", callbacks, "a sequence of functions of a Run"))
    for watcher in watchers:
        if not callable(watcher):
            raise TypeError(f"each of callbacks must be callable, got {watcher!r}")
    return cast("list[Callback]", watchers)


def _guarded(
    run: Run,
    limits: Limits,
    after_row: Callable[[], None],
    watchers: list[Callback],
    agreed: Agreement,
) -> str:
    """Runs the loop; what ends it early ends it in good order. Returns the reason."""
    try:
        reason = _loop(run, limits, after_row, watchers, agreed)
        run.end(reason)
        return reason
    except KeyboardInterrupt:
        return Stop.INTERRUPTED
    except NonFiniteError as error:
        if run.steps == 0:
            raise  # nothing was gained: the problem or its first iterate is at fault
        return Stop.NOT_FINITE.because(error)


def _loop(
    run: Run,
    limits: Limits,
    after_row: Callable[[], None],
    watchers: list[Callback],
    agreed: Agreement,
) -> str:
    """Steps until there is a reason to stop, and returns it."""
    if not len(run.history):  # nothing was resumed
        run.start()
        after_row()
    reached = agreed(run.ended or limits.reached(run.steps, run.seconds))
    if reached is not None:
        return reached
    growth = run.growth
    while True:
        if growth is not None:
            growth.before_step(run)
        info = run.step()
        limit = limits.reached(run.steps, run.seconds)
        stop = agreed(info.stop or (Stop.ROUND_OFF if run.at_round_off(info) else limit))
        if stop or run.steps % run.method.evaluate_every == 0:
            run.record(info)
            after_row()
            asked = agreed(_asked_for(run, watchers)) if watchers else None
            if growth is not None:
                growth.notice(run.merit)
                if stop and asked is None and limit is None:
                    stop = growth.instead_of(stop, run)
            stop = stop or asked
        if stop:
            return stop


def _asked_for(run: Run, watchers: list[Callback]) -> str | None:
    """The reason of the first callback that ends the run; all of them are called."""
    answers = [watcher(run) for watcher in watchers]
    for watcher, answer in zip(watchers, answers, strict=True):
        if answer is not None and not isinstance(answer, str):
            raise TypeError(f"callback {watcher!r} must return a string or None, got {answer!r}")
    reasons = [answer for answer in answers if answer is not None]
    return Stop.BY_CALLBACK.because(reasons[0]) if reasons else None


def _network(
    problem: Problem, model: Model | nn.Module | None, device: str | torch.device | None
) -> Model:
    check_kind("problem", problem, Problem, "a Problem")
    network = problem.model if model is None else model
    if network is None:
        raise ValueError(
            f"model must be given: {problem.name!r} has no network of its own, got None"
        )
    where = None if device is None else device_name(device)
    return model_of(problem, cast("Model", network), where)


def chosen_method(method: str | Method, cutoff: float | Cutoff | None) -> Method:
    """The method that a name and a cutoff mean, or the method object.

    Raises:
        TypeError: it is neither.
        ValueError: no method has this name, or a cutoff is given where it has no place.
    """
    if not isinstance(method, str):
        if cutoff is not None:
            raise ValueError(f"cutoff must be given to the method object itself, got {cutoff!r}")
        if not callable(getattr(method, "step", None)):
            raise TypeError(f"method must be a name or a Method, got {method!r}")
        return method
    factory = methods.get(method)
    if cutoff is None:
        return factory()
    if "cutoff" not in inspect.signature(factory).parameters:
        raise ValueError(f"cutoff must be left out: method {method!r} has none, got {cutoff!r}")
    return factory(cutoff=cutoff)


@dataclass(frozen=True)
class Limits:
    """How long a run may take; None where there is no limit."""

    steps: int | None
    seconds: float | None

    def reached(self, steps: int, seconds: float) -> Stop | None:
        """The limit that a run of so many steps and seconds has reached."""
        if self.steps is not None and steps >= self.steps:
            return Stop.STEPS_REACHED
        if self.seconds is not None and seconds >= self.seconds:
            return Stop.TIME_REACHED
        return None


def checked_limits(
    steps: int | None, seconds: float | None, method: Method, times: int = 1
) -> Limits:
    """The limits of a run with this method; so many times its usual steps where none are given.

    Raises:
        TypeError: no numbers.
        ValueError: no positive ones.
    """
    if steps is not None:
        steps = check_integer("steps", steps, least=1)
    if seconds is None:
        return Limits(times * method.default_steps if steps is None else steps, None)
    check_kind("seconds", seconds, (int, float), "a number")
    if isinstance(seconds, bool) or not (seconds > 0 and math.isfinite(seconds)):
        raise ValueError(f"seconds must be positive and finite, got {seconds!r}")
    return Limits(steps, float(seconds))


def _check_together(
    out: str | Path | None, resume: bool, grow: bool, group: ProcessGroup | None
) -> None:
    """Refuses arguments that do not go together."""
    if resume and out is None:
        raise ValueError("out must be given to resume, got None")
    if grow and group is not None:
        raise ValueError("grow must be False where rows are spread over a group, got True")


def _check_grows(grow: bool, model: Model, theta: Tensor) -> None:
    """Raises TypeError or ValueError for a model that is to be made wider and cannot."""
    if not grow:
        return
    if not isinstance(model, Widening):
        raise TypeError(f"model must be an MLP or a Model to grow, got {model!r}")
    model.widened(theta, FACTOR)


def _first_iterate(model: Model, theta: Tensor | None, seed: int) -> Tensor:
    if theta is None:
        return model.init(seed)
    check_theta(theta, (model.n_parameters,), model.dtype, model.device)
    return theta.detach().clone()


@contextmanager
def _history(directory: RunDirectory | None, problem: Problem) -> Iterator[History]:
    history = History(None if directory is None else directory.history, problem.conditions)
    try:
        yield history
    finally:
        history.close()


def _finished(
    run: Run, reason: str, seed: int, directory: RunDirectory | None, ctrl_c: CtrlC
) -> tuple[TrainResult, list[tuple[str, type[Warning]]]]:
    """The result of a run, written where there is a folder; what could not be, and of what kind."""
    result = run.result(reason, seed)
    if isinstance(result.model, TorchModel):
        result.model.write(result.theta)
    undrawn = [] if directory is None else _write(directory, run.system, result)
    if ctrl_c.pressed:
        result = result.interrupted()
        if directory is not None:
            directory.summarise(result, _facts(run.system))
    unwritten = [] if directory is None else [*directory.complaints.values()]
    if run.history.complaint is not None:
        unwritten.append(run.history.complaint)
    complaints: list[tuple[str, type[Warning]]] = [(text, WriteWarning) for text in unwritten]
    return result, complaints + [(text, FigureWarning) for text in undrawn]


def _write(directory: RunDirectory, system: PdeSystem, result: TrainResult) -> list[str]:
    """Writes what is left to write, what matters most first; returns what could not be drawn."""
    directory.save(system.problem, result.model, result.theta)
    directory.summarise(result, _facts(system))
    return directory.draw(system.problem, result)


def _facts(system: PdeSystem) -> dict[str, object]:
    return {
        "problem": system.problem.name,
        "S": system.n_rows,
        **({"balance": system.balance} if system.balance else {}),
        "device": system.model.device,
        "versions": versions(),
    }
