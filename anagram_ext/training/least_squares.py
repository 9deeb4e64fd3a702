"""Least squares with any torch module: the loop around a method, without points and fields."""

from __future__ import annotations

import math
import time
import warnings
from typing import TYPE_CHECKING

import torch

from anagram_ext.checks import check_switches
from anagram_ext.errors import DerivativeWarning, NonFiniteError
from anagram_ext.linear.group import spread_over
from anagram_ext.linear.solve import factorise
from anagram_ext.methods import Stop
from anagram_ext.methods.protocol import StepInfo
from anagram_ext.methods.second_start import SecondStart
from anagram_ext.methods.steepest import removable
from anagram_ext.models.flat_module import differentiating
from anagram_ext.systems.module_differences import hiding_tensors
from anagram_ext.systems.spread_torch import SpreadTorchSystem
from anagram_ext.systems.torch_system import TorchSystem
from anagram_ext.training.asked import chosen_method
from anagram_ext.training.fit import LeastSquaresResult
from anagram_ext.training.history import COLUMNS, History, Row
from anagram_ext.training.interrupts import CtrlC
from anagram_ext.training.limits import checked_limits
from anagram_ext.training.progress import reporting
from anagram_ext.training.rounding import rounding_loss
from anagram_ext.training.together import agreement

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.distributed import ProcessGroup

    from anagram_ext.linear.cutoff import Cutoff
    from anagram_ext.linear.group import Group
    from anagram_ext.methods import Method
    from anagram_ext.systems.module_residual import Residual
    from anagram_ext.training.limits import Limits
    from anagram_ext.training.progress import Report
    from anagram_ext.training.together import Agreement


def least_squares(
    residual: Residual,
    module: nn.Module,
    method: str | Method = "natural_lm",
    *,
    steps: int | None = None,
    seconds: float | None = None,
    cutoff: float | Cutoff | None = None,
    memory: str = "auto",
    progress: bool = True,
    group: ProcessGroup | None = None,
) -> LeastSquaresResult:
    """Minimises ``1/2 ||residual(module)||^2`` over the trainable parameters of a torch module.

    Any module and any residual that autograd can differentiate: ``lambda net: net(x) - y``. The fit
    starts from the parameters that the module has and leaves the best ones in it. Frozen parameters
    (``requires_grad`` false) and buffers stay, tied parameters stay tied; everything is computed in
    the dtype and on the device of the parameters.

    Where ``natural_lm`` ends far from a fit and at no minimum, Levenberg-Marquardt starts once more
    from the first parameters, within the same ``steps`` and ``seconds``.

    It ends after ``steps`` steps or ``seconds``, at a minimum (linear steps could remove less of
    the loss than its rounding error), when the loss has sunk to the rounding error of the residual,
    when the method finds no further step, on Ctrl-C, or when a residual is no longer finite.

    Args:
        residual: called with the module; returns a tensor of any shape, or several in a tuple,
            differentiable in the parameters. It has to give the same values each time: layers such
            as dropout and batch normalisation have to be in evaluation mode.
        module: the module, changed in place.
        method: a name out of ``anagram_ext.methods.names()``, or a method object.
        steps: steps to do; by default the method's usual number, without end where ``seconds``
            are given.
        seconds: time for the method, checked after each step; no limit by default.
        cutoff: truncation threshold for methods that solve with one; theirs by default. A number
            is relative to the largest singular value.
        memory: ``"stored"``, ``"streamed"`` (J is never stored, only tiles of its rows) or
            ``"auto"``: streamed when J would take more than a quarter of the memory.
        progress: whether to report on stderr.
        group: processes of ``torch.distributed`` that fit one module together. Each gives a
            residual of its own data, as many numbers as it likes; r is that of rank 0, that of
            rank 1 and so on. All start from the same parameters and get the same result; rows of J
            stay on their rank. See ``docs/guide/many_machines.md``.

    Returns:
        The best iterate, the standard deviations of its parameters, the history, and why the fit
        ended.

    Raises:
        TypeError: an argument of another kind, or a residual or parameters of another dtype.
        ValueError: an argument is wrong: no trainable parameter, several dtypes or devices, a
            residual that does not depend on the parameters, is random, is a single number, or
            changes a buffer.
        NonFiniteError: the residual is NaN or infinite before one step is done.
        MemoryError: J can neither be stored nor streamed.
        RankError: a rank of the group has died, hangs, failed, or has other parameters.

    Warns:
        BroadcastWarning: the residual is a table [n, n] because [n, 1] met [n].
        DerivativeWarning: the residual hides from autograd what it does with the module.
        SlowWarning: the derivative of the module does not work under ``torch.vmap``.
    """
    check_switches(progress=progress)
    chosen = chosen_method(SecondStart() if _means_natural_lm(method, cutoff) else method, cutoff)
    limits = checked_limits(steps, seconds, chosen)
    with differentiating(), spread_over(group) as ranks, CtrlC() as ctrl_c:
        system = _system(residual, module, memory, chosen, ranks)
        factorise(torch.ones_like(system.flat.theta()[:1, None]))  # loads libraries: not timed
        if ranks is not None:
            ctrl_c.hold()  # one rank must not leave the others in the middle of a step
            progress = progress and ranks.leads
        fit = _Fit(system, chosen)
        try:
            with reporting(progress, limits.steps, limits.seconds) as report:
                stop = _guarded(fit, limits, report, agreement(fit, ranks, ctrl_c))
        finally:
            system.flat.write(fit.best.theta)
        result = LeastSquaresResult(
            theta=fit.best.theta,
            module=module,
            system=system,
            loss=fit.best.loss,
            history=fit.history.columns(),
            seconds=fit.seconds,
            steps=fit.steps,
            stop_reason=str(stop),
            method=chosen.name,
        )
        if ranks is not None:
            _ = result.residual, result.rank  # found together now; later each rank is on its own
    return result


def _means_natural_lm(method: object, cutoff: object) -> bool:
    return method == SecondStart.name and cutoff is None


def _system(
    residual: Residual, module: nn.Module, memory: str, method: Method, ranks: Group | None
) -> TorchSystem | SpreadTorchSystem:
    """The problem of this process, or of all ranks."""

    def own_system() -> TorchSystem:
        return TorchSystem(residual, module, memory)

    own = own_system() if ranks is None else ranks.together(own_system)
    _warn_of_hiding(own)
    if ranks is None:
        return own
    shapes = {name: list(shape) for name, shape in own.flat.shapes.items()}
    theta = own.flat.theta()
    ranks.check_same("method and parameters of module", (method.name, str(theta.dtype), shapes))
    ranks.check_same("first parameters of module", theta)
    return SpreadTorchSystem(own, ranks)


def _warn_of_hiding(system: TorchSystem) -> None:
    """Warns of tensors whose derivatives are not those of their values."""
    residual = system.residual
    for k in hiding_tensors(residual):
        which = f"tensor {k} of residual" if len(residual.slices) > 1 else "residual"
        warnings.warn(
            f"{which}: the derivatives that autograd sees are not those of its values: steps will "
            "be wrong; leave out detach(), NumPy and torch.tensor(...) of what the module gives, "
            "and differentiate by torch.autograd.grad(..., create_graph=True)",
            DerivativeWarning,
            stacklevel=4,  # the caller of least_squares
        )


def _guarded(fit: _Fit, limits: Limits, report: Report, agreed: Agreement) -> str:
    """Runs the loop; what ends it early ends it in good order. Returns the reason."""
    try:
        return _loop(fit, limits, report, agreed)
    except KeyboardInterrupt:
        return Stop.INTERRUPTED
    except NonFiniteError as error:
        if fit.steps == 0:
            raise  # nothing was gained: the residual or the first iterate is at fault
        return Stop.NOT_FINITE.because(error)


def _loop(fit: _Fit, limits: Limits, report: Report, agreed: Agreement) -> str:
    """Steps until there is a reason to stop, and returns it."""
    fit.start()
    report(fit.history.last, fit.history.lowest)
    while True:
        info = fit.step()
        limit = limits.reached(fit.steps, fit.seconds)
        stop = agreed(fit.arrived(info) or info.stop or limit)
        if stop or fit.steps % fit.method.evaluate_every == 0:
            fit.record(info)
            report(fit.history.last, fit.history.lowest)
        if stop:
            return stop


class _Fit:
    """The state of a fit: best iterate, time, counters, history."""

    def __init__(self, system: TorchSystem | SpreadTorchSystem, method: Method) -> None:
        self.system = system
        self.method = method
        self.history = History()
        self.steps = 0
        self.seconds = 0.0
        self._factorisations = self._evaluations = 0
        theta = system.flat.theta()
        first, _ = system.gradient(theta)  # finite, or an error that says where not
        self.best = self._last = self._before = StepInfo(theta, first, math.nan, "")
        self._first_loss = first

    @property
    def theta(self) -> Tensor:
        """The parameters of now [P]."""
        return self._last.theta

    def start(self) -> None:
        """Records the first iterate and hands it to the method."""
        self.record(self.best)
        begin = time.perf_counter()
        self.method.start(self.system, self.best.theta)
        self.seconds += time.perf_counter() - begin

    def step(self) -> StepInfo:
        """One step of the method, counted and timed.

        Raises:
            NonFiniteError: the loss is NaN or infinite.
        """
        begin = time.perf_counter()
        info = self.method.step()
        self.seconds += time.perf_counter() - begin
        if not math.isfinite(info.loss):
            raise NonFiniteError(f"the loss became {info.loss} in step {self.steps + 1}")
        self._before, self._last = self._last, info
        self.steps += 1
        self._factorisations += info.factorisations
        self._evaluations += info.evaluations
        if info.loss < self.best.loss:
            self.best = info
        return info

    def record(self, info: StepInfo) -> None:
        """Adds a row to the history."""
        reported = {name: getattr(info, name) for name in COLUMNS if hasattr(info, name)}
        counted = {
            "step": self.steps,
            "seconds": self.seconds,
            "factorisations": self._factorisations,  # of the fit, not of the step
            "evaluations": self._evaluations,
            "parameters": self.system.n_parameters,
        }
        self.history.append(Row(**(reported | counted)))

    def arrived(self, info: StepInfo) -> str | None:
        """The reason to stop at a minimum: one where the residual vanishes, or another one."""
        before = self._before
        eps = torch.finfo(info.theta.dtype).eps
        if info.loss <= eps * self._first_loss and info.loss <= rounding_loss(
            self.system, info.theta
        ):
            return Stop.ROUND_OFF
        seen = info.captured <= eps and bool(info.rank)  # nan: the method does not know
        still = seen and abs(before.loss - info.loss) <= eps**0.5 * info.loss
        best = info.loss <= self.best.loss * (1 + eps**0.5)  # not a worse stationary point
        # Directions below a large damping may still remove much.
        if still and best and removable(self.system, info.theta) <= eps:
            return Stop.CONVERGED.because("linear steps would change the loss by rounding only")
        return None
