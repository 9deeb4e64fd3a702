"""Long evolutions in windows of time, against closed forms and an integrator of order eight."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

import anagram_ext as ax
from anagram_ext.training.directory import RunDirectory

STRIP = ax.Box(t=(0, 2), x=(0, 1))


def wave():
    """u_tt = u_xx with u = sin(pi x) cos(pi t)."""
    return ax.Problem(
        ("t", "x"),
        ("u",),
        {
            "pde": ax.Condition(lambda u, x: u.d("tt") - u.d("xx"), STRIP.stratified(16)),
            "initial": ax.Condition(
                lambda u, x: (u - torch.sin(math.pi * x.x), u.d("t")), STRIP.face(t=0).grid(20)
            ),
            "walls": ax.Condition(lambda u, x: u, STRIP.faces("x").grid(16)),
        },
        solution=lambda x: torch.cos(math.pi * x.t) * torch.sin(math.pi * x.x),
    )


def lorenz(duration):
    line = ax.Box(t=(0, duration))

    def rates(x, y, z):
        return 10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z

    def solution(at):
        order = np.argsort(at.t.numpy())
        solved = solve_ivp(
            lambda t, y: rates(*y),
            (0, duration),
            (1.0, 1.0, 1.0),
            dense_output=True,
            method="DOP853",
            rtol=1e-12,
            atol=1e-12,
        )
        values = solved.sol(at.t.numpy()[order])[:, np.argsort(order)]
        return tuple(torch.from_numpy(row.copy()) for row in values)

    def residual(x, y, z, at):  # noqa: ARG001 -- as the interface wants it
        fields = (x, y, z)
        return tuple(u.d("t") - rate for u, rate in zip(fields, rates(x, y, z), strict=True))

    return ax.Problem(
        ("t",),
        ("x", "y", "z"),
        {
            "ode": ax.Condition(residual, line.stratified(60)),
            "initial": ax.Condition(
                lambda x, y, z, at: (x - 1.0, y - 1.0, z - 1.0), line.face(t=0).grid(1)
            ),
        },
        solution=solution,
    )


def test_a_wave_goes_on_smoothly_from_window_to_window():
    run = ax.march(wave(), ax.MLP([2, 16, 1]), windows=2, steps=60, progress=False)
    assert run.times == [0.0, 1.0, 2.0]
    assert run.l2_relative < 1e-4
    seam = torch.stack([torch.ones(9), torch.linspace(0, 1, 9)], dim=1).to(torch.float64)
    before, after = (r.model.jet(r.theta, seam, ("", "t")) for r in run.runs)
    for name in ("", "t"):  # the equation is of second order in time
        torch.testing.assert_close(before[name], after[name], rtol=0, atol=1e-3)
    exact = -math.pi * torch.sin(math.pi * seam[:, 0]) * torch.sin(math.pi * seam[:, 1])
    torch.testing.assert_close(run.jet(seam, ("t",))["t"][:, 0], exact, rtol=0, atol=1e-3)


def test_the_lorenz_system():
    run = ax.march(lorenz(2.0), ax.MLP([1, 20, 3]), windows=8, steps=60, progress=False)
    assert run.l2_relative < 1e-6
    assert run.warning is None


def test_errors_are_handed_on_from_window_to_window_and_grow_in_a_chaotic_system():
    run = ax.march(lorenz(4.0), ax.MLP([1, 16, 3]), windows=16, steps=22, progress=False)
    assert run.l2_relative / 5 < run.estimated_error < 5 * run.l2_relative
    # Each by itself looks better than the whole is.
    assert run.runs[-1].estimated_error < run.l2_relative / 20


def stiff(end, rate=1e4, first=1e-4):
    """a' = -a and b' = rate (a - b) from 1 and 0 until a time, in s = log(1 + t / first)."""
    line = ax.Box(s=(0, math.log1p(end / first)))

    def equation(a, b, x):
        speed = first * torch.exp(x.s)  # dt / ds
        return a.d("s") + speed * a, (b.d("s") - speed * rate * (a - b)) / (1 + rate * speed)

    def solution(x):
        t = first * torch.expm1(x.s)
        slow = torch.exp(-t)
        return slow, rate / (rate - 1) * (slow - torch.exp(-rate * t))

    conditions = {
        "equation": ax.Condition(equation, line.stratified(30)),
        "start": ax.Condition(lambda a, b, x: (a - 1, b), line.face(s=0).grid(1), weight=100),
    }
    return ax.Problem(("s",), ("a", "b"), conditions, solution=solution)


@pytest.mark.parametrize(("steps", "between"), [(12, (1e-7, 1e-4)), (30, (1e-13, 1e-10))])
def test_the_error_of_a_stiff_system_in_logarithmic_time_is_known(steps, between):
    # Across eight decades of rates, for a rough solution and for one at round-off.
    run = ax.march(
        stiff(5.0), ax.MLP([1, 12, 2]), coordinate="s", windows=10, steps=steps, progress=False
    )
    assert between[0] < run.l2_relative < between[1]
    assert run.l2_relative / 5 < run.estimated_error < 5 * run.l2_relative


def test_windows_behind_an_input_map_are_those_of_a_plain_network():
    """Each is [-1, 1] for the network; once it was [0, 1/4] and the like behind a map."""
    net, ends = ax.MLP([2, 10, 1]), (0, 0.25, 2)
    for inputs in (lambda x: (x.t, x.x), ax.scaled(x=(-1, 1))):
        plain, mapped = (
            ax.march(wave(), model, times=ends, steps=3, progress=False, seed=1)
            for model in (net, ax.Model(net, inputs=inputs))
        )
        for one, other in zip(plain.runs, mapped.runs, strict=True):
            torch.testing.assert_close(other.theta, one.theta, rtol=0, atol=1e-6)


def test_solved_windows_need_not_make_a_solution(monkeypatch):
    run = ax.march(wave(), ax.MLP([2, 16, 1]), windows=2, steps=60, progress=False)
    assert {r.verdict for r in run.runs} == {ax.Verdict.SOLVED}
    assert run.verdict is ax.Verdict.SOLVED
    assert run.warning is None
    assert run.l2_relative / 10 < run.estimated_error < 10 * run.l2_relative
    for bound, verdict in (("SOLVED", ax.Verdict.CONVERGED), ("FAILED", ax.Verdict.STALLED)):
        monkeypatch.setattr(f"anagram_ext.training.march_result.{bound}_ERROR", 1e-14)
        assert run.verdict is verdict
        assert "every window is solved, but each inherits" in run.warning


def test_given_ends_and_measurements_of_each_window():
    points = torch.tensor([[0.2, 0.5], [1.99, 0.5]], dtype=torch.float64)
    values = torch.cos(math.pi * points[:, 0])
    problem = wave()
    problem = ax.Problem(
        ("t", "x"), ("u",), {**problem.conditions, "data": ax.Data(points, values)}
    )
    run = ax.march(problem, ax.MLP([2, 8, 1]), times=(0, 0.4, 1.5, 2), steps=2, progress=False)
    assert {0.0, 0.4, 1.5, 2.0} <= set(run.times)  # two steps are too few: there are halves, too
    assert math.isnan(run.l2_error)
    assert run(points).shape == (2, 1)
    # Each window evaluates its own part of time.
    last = run.runs[-1]
    torch.testing.assert_close(run(points[1:]), last.model(last.theta, points[1:]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"times": (0, 1)}, "from 0.0 to 2.0"),
        ({"times": (0, 1, 1, 2)}, "increasing"),
        ({"windows": 0}, "at least 1"),
        ({"windows": 2, "times": (0, 2)}, "left out"),
        ({"coordinate": "s"}, "coordinate must be one of"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        ax.march(wave(), ax.MLP([2, 4, 1]), steps=1, progress=False, **arguments)


def test_something_has_to_hold_at_the_first_time():
    conditions = {n: c for n, c in wave().conditions.items() if n != "initial"}
    problem = ax.Problem(("t", "x"), ("u",), conditions)
    with pytest.raises(ValueError, match="condition at t = 0"):
        ax.march(problem, ax.MLP([2, 4, 1]), steps=1, progress=False)


def oscillator(duration, stiffness=1.0):
    """u'' + stiffness u = 0, u(0) = 1, u'(0) = 0."""
    line = ax.Box(t=(0, duration))
    return ax.Problem(
        ("t",),
        ("u",),
        {
            "equation": ax.Condition(lambda u, t: u.d("tt") + stiffness * u, line.stratified(20)),
            "start": ax.Condition(lambda u, t: (u - 1, u.d("t")), line.face(t=0).grid(1)),
        },
        solution=lambda t: torch.cos(math.sqrt(stiffness) * t.t),
    )


@pytest.fixture
def _no_figures(monkeypatch):
    """They take longer than these windows."""
    monkeypatch.setattr(RunDirectory, "draw", lambda *_: [])


def march_in(folder, problem, windows, **options):
    rows = []
    run = ax.march(
        problem,
        ax.MLP([1, 12, 1]),
        windows=windows,
        out=folder,
        progress=False,
        callbacks=[lambda run: rows.append(run.steps)],
        **options,
    )
    return run, len(rows)


# Windows that are too long fail, and say so.
@pytest.mark.filterwarnings("ignore::anagram_ext.TrainingWarning")
@pytest.mark.usefixtures("_no_figures")
def test_finished_windows_are_not_trained_again_those_that_were_halved_included(tmp_path):
    """The first half of a window once took the folder of the whole one."""
    whole, steps = march_in(tmp_path, oscillator(20.0), 1, steps=20)
    assert len(whole.runs) > 1  # a window of 20 is too long for this network
    assert steps > 0
    again, steps = march_in(tmp_path, oscillator(20.0), 1, steps=20)
    assert steps == 0
    assert again.times == whole.times
    assert all(torch.equal(a.theta, b.theta) for a, b in zip(again.runs, whole.runs, strict=True))


@pytest.mark.filterwarnings("ignore::anagram_ext.TrainingWarning")
@pytest.mark.usefixtures("_no_figures")
def test_windows_behind_one_that_is_trained_further_begin_anew(tmp_path):
    problem = oscillator(2.0)
    few, _ = march_in(tmp_path, problem, 2, steps=4)
    more, steps = march_in(tmp_path, problem, 2, steps=30)
    assert steps > 30
    assert more.runs[1].loss < few.runs[1].loss
    assert more.l2_relative < 1e-6


@pytest.mark.usefixtures("_no_figures")
def test_windows_of_another_problem_are_refused(tmp_path):
    march_in(tmp_path, oscillator(2.0), 2, steps=4)
    with pytest.raises(ValueError, match="resume must go on with the same run"):
        march_in(tmp_path, oscillator(2.0, stiffness=4.0), 2, steps=4)


def test_ctrl_c_ends_the_march_and_not_the_window_alone():
    def press(run):
        if run.steps == 3:
            raise KeyboardInterrupt

    run = ax.march(
        oscillator(2.0), ax.MLP([1, 12, 1]), windows=4, callbacks=[press], progress=False
    )
    assert run.verdict is ax.Verdict.INTERRUPTED
    assert run.times == [0.0, 0.5]


def test_a_first_iterate_is_that_of_the_first_window():
    model, options = ax.MLP([1, 12, 1]), {"windows": 2, "steps": 15, "progress": False}
    given = ax.march(oscillator(1.0), model, theta=model.init(0), **options)
    other = ax.march(oscillator(1.0), model, theta=model.init(7), **options)
    own = ax.march(oscillator(1.0), model, seed=0, **options)
    assert given.runs[0].history["loss"][0] == own.runs[0].history["loss"][0]
    assert given.runs[0].history["loss"][0] != other.runs[0].history["loss"][0]
    assert other.l2_relative < 1e-3


def test_a_module_of_torch_marches():
    module = torch.nn.Sequential(torch.nn.Linear(1, 12), torch.nn.Tanh(), torch.nn.Linear(12, 1))
    run = ax.march(oscillator(2.0), module.double(), windows=2, steps=30, progress=False)
    assert run.l2_relative < 1e-4
