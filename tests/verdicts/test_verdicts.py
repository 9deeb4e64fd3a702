"""Nothing wrong may look right: runs on problems that go wrong easily, and on some that do not.

Whatever a run makes of these, its verdict must not call a wrong answer solved.
"""

from __future__ import annotations

import warnings

import pytest

import anagram_ext as ax
import hard_problems as hard

STEPS = 60
RIGHT = 1e-4  # relative error of an answer that may be called solved

CASES = {
    # What users ran into.
    "Lorenz, 3 time units on a grid": lambda: hard.lorenz(3.0, 300),
    "Fokker-Planck, narrow start": lambda: hard.fokker_planck(0.1),
    "fast convection": lambda: hard.convection(30.0),
    "fast convection, heavy start": lambda: hard.convection(30.0, 100.0),
    "stiff van der Pol": lambda: hard.van_der_pol(5.0, 10.0),
    "Robertson": hard.robertson,
    "Black-Scholes in dollars": lambda: hard.black_scholes(100.0),
    "noise, more parameters than data": lambda: hard.measurements(150, 0.3, (2, 20, 20, 1)),
    "disk with a hole, own points": lambda: hard.annulus(700, (2, 20, 1)),
    # Oscillation, stiffness, chaos, kinetics.
    "many periods": lambda: hard.pendulum(60.0),
    "fast relaxation": lambda: hard.relaxation(500.0),
    "Brusselator": lambda: hard.brusselator(8.0),
    "Oregonator": hard.oregonator,
    "Duffing, driven": hard.duffing,
    "epidemic": hard.epidemic,
    # Transport, dispersion, layers, waves, finance.
    "dispersion": hard.dispersion,
    "thin boundary layer": lambda: hard.boundary_layer(1e-3),
    "Helmholtz, short waves": lambda: hard.helmholtz(20.0),
    "fast wave": lambda: hard.wave(8.0),
    "backward heat": hard.backward_heat,
    "travelling front": hard.fisher,
    "Black-Scholes": lambda: hard.black_scholes(1.0),
    "no unique solution": hard.undetermined,
    "too few points": hard.few_points,
    "noise, many data": lambda: hard.measurements(1500, 0.1, (2, 8, 1)),
    "few points on a rim": lambda: hard.annulus(60, (2, 30, 1)),
}

# That a verdict never is "solved" would pass all of the above.
EASY = {
    "predators and prey": hard.predators,
    "enzyme kinetics": hard.enzyme,
    "slow convection": lambda: hard.convection(2.0),
    "a wave": lambda: hard.wave(1.0),
    "long waves": lambda: hard.helmholtz(3.0),
    "exact data": lambda: hard.measurements(500, 0.0, (2, 12, 1)),
}


def train(problem: ax.Problem, steps: int) -> ax.TrainResult:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ax.TrainingWarning)
        return ax.train(problem, steps=steps, progress=False)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_wrong_answer_is_never_called_solved(name):
    problem = CASES[name]()
    run = train(problem, STEPS)
    error = hard.relative_error(problem, run)
    assert (run.verdict is ax.Verdict.SOLVED) == (run.warning is None)
    if error > RIGHT:
        assert run.verdict is not ax.Verdict.SOLVED
        assert run.warning
        assert all(name in run.warning for name in problem.conditions)


@pytest.mark.slow
@pytest.mark.parametrize("name", EASY)
def test_a_right_answer_is_called_solved(name):
    problem = EASY[name]()
    run = train(problem, 2 * STEPS)
    assert hard.relative_error(problem, run) < RIGHT
    assert run.verdict is ax.Verdict.SOLVED
    assert run.warning is None
