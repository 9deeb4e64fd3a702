"""What a run leaves behind: its result, what is written of it, and what its caller is warned of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anagram_ext.errors import FigureWarning, HeldOutWarning, TrainingWarning, WriteWarning
from anagram_ext.installation import versions
from anagram_ext.methods import Stop
from anagram_ext.models.torch_model import TorchModel
from anagram_ext.verdicts.verdict import Verdict

if TYPE_CHECKING:
    from anagram_ext.systems.pde_system import PdeSystem
    from anagram_ext.training.directory import RunDirectory
    from anagram_ext.training.interrupts import CtrlC
    from anagram_ext.training.result import TrainResult
    from anagram_ext.training.run import Run


def finish(
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


def warning_category(result: TrainResult) -> type[TrainingWarning] | None:
    """Of the Python warning that a result deserves; None for what its caller knows or asked for.

    A run that overfitted or gave up looks finished and is wrong. That steps or time were used up,
    or that the error may be larger than hoped, is told by ``TrainResult.verdict`` and ``.warning``.
    """
    unseen = result.facts is not None and bool(result.facts.not_finite)
    if result.verdict is Verdict.OVERFITTED or (result.verdict is Verdict.DIVERGED and unseen):
        return HeldOutWarning
    # Where the loss is zero there was nothing left to do.
    gave_up = result.stop is Stop.NO_PROGRESS and result.loss > 0
    return TrainingWarning if result.verdict is Verdict.STALLED and gave_up else None


def _write(directory: RunDirectory, system: PdeSystem, result: TrainResult) -> list[str]:
    """Writes what is left to write, what matters most first; returns what could not be drawn."""
    directory.save(system.problem, result.model, result.theta)
    directory.summarise(result, _facts(system))
    return directory.draw(system.problem, result)


def _facts(system: PdeSystem) -> dict[str, object]:
    """What ``summary.json`` says besides the result."""
    return {
        "problem": system.problem.name,
        "S": system.n_rows,
        **({"balance": system.balance} if system.balance else {}),
        "device": system.model.device,
        "versions": versions(),
    }
