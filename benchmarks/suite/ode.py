"""Systems of ordinary differential equations in windows of time, beside integrators at 1e-12.

Radau for stiff ones, else a Runge-Kutta method of order eight, which takes far fewer steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from case import FRESH, FRESH_SEED, Outcome, of_march, relative
from scipy.integrate import solve_ivp

import anagram_ext as ax

Rates = Callable[..., Sequence]


def reference(
    rates: Rates, start: Sequence[float], times: np.ndarray, *, method: str = "Radau"
) -> np.ndarray:
    """The states at increasing times, the first of which is that of the start; [m, n].

    Raises:
        RuntimeError: the integrator gave up.
    """
    found = solve_ivp(
        lambda _, state: np.array(rates(*state)),
        (times[0], times[-1]),
        start,
        t_eval=times,
        method=method,
        rtol=1e-12,
        atol=1e-15,
    )
    if not found.success:
        raise RuntimeError(found.message)
    return found.y


def fresh_times(end: float) -> np.ndarray:
    """0 and random times up to the end, increasing, [FRESH + 1]."""
    random = torch.Generator().manual_seed(FRESH_SEED)
    times = end * torch.rand(FRESH, generator=random, dtype=torch.float64)
    return np.concatenate([[0.0], times.sort().values.numpy()])


def problem(
    rates: Rates,
    start: Sequence[float],
    end: float,
    points: int,
    *,
    names: Sequence[str],
    sizes: Sequence[float],
) -> ax.Problem:
    """The system, its residuals in units of ``sizes``, with a number of points for every window."""
    line = ax.Box(t=(0, end))

    def equation(*arguments: ax.Field) -> tuple[torch.Tensor, ...]:
        fields = arguments[:-1]
        right = rates(*(field.value for field in fields))
        return tuple(
            (u.d("t") - rate) / size for u, rate, size in zip(fields, right, sizes, strict=True)
        )

    def first(*arguments: ax.Field) -> tuple[torch.Tensor, ...]:
        return tuple(u - value for u, value in zip(arguments[:-1], start, strict=True))

    conditions = {
        "equation": ax.Condition(equation, line.stratified(points)),
        "start": ax.Condition(first, line.face(t=0).grid(1), weight=100),
    }
    return ax.Problem(("t",), tuple(names), conditions)


def marched(
    rates: Rates,
    start: Sequence[float],
    posed: ax.Problem,
    model: ax.MLP,
    *,
    end: float,
    seed: int,
    until: float | None = None,
    integrator: str = "Radau",
    **options: object,
) -> Outcome:
    """Trains window by window; the error is the largest of the fields, up to a time if given."""
    march = ax.march(posed, model, seed=seed, **{"progress": False, **options})
    times = fresh_times(end)
    exact = torch.from_numpy(reference(rates, start, times, method=integrator))
    found = march(torch.from_numpy(times)[:, None])  # [n, m]
    counted = torch.from_numpy(times) <= (end if until is None else until)
    errors = [relative(found[counted, k], row[counted]) for k, row in enumerate(exact)]
    return of_march(march, max(errors), **notes(times, found, exact))


def notes(times: np.ndarray, found: torch.Tensor, exact: torch.Tensor) -> dict[str, float]:
    """The largest error of a field until each quarter of the times, in units of its size."""
    size = exact.square().mean(dim=1).sqrt()
    errors = ((found.T - exact).abs() / size[:, None]).max(dim=0).values
    parts = torch.from_numpy(times) / times[-1]
    return {f"largest until {k}/4": float(errors[parts <= k / 4].max()) for k in (1, 2, 3, 4)}
