"""Training on a GPU beside JAX, with small problems: on a pretended GPU, and JAX on the CPU."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

import anagram_ext as ax
from pretend_cuda import pretended_gpu

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def gpu_train(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("gpu_train")


@pytest.fixture
def heat(gpu_train):
    box = ax.Box(t=(0, 1), x=(0, 1))

    def make():
        problem = ax.problems.heat(n=8)
        return gpu_train.Task(
            ax.Problem(
                problem.coordinates,
                problem.fields,
                problem.conditions,
                solution=problem.solution,
                evaluation=box.grid(9),
            ),
            ax.MLP([2, 8, 1]),
            gpu_train.CONDITIONS["heat"],
        )

    return {"heat": make}


def test_a_run_on_a_pretended_gpu_is_written_before_the_next(gpu_train, heat, monkeypatch):
    monkeypatch.setattr(gpu_train, "find_spec", lambda package: None)
    tables = []
    with pretended_gpu():
        gpu_train.run_all(
            "cuda", 0.3, 1e30, lambda records: tables.append(gpu_train.report(records)), heat
        )
    first, second, third = tables[-1].splitlines()[4:]
    assert [len(table.splitlines()) for table in tables] == [5, 6, 7]
    assert first.startswith("| heat | anagram_ext | ")
    assert re.search(r"\d\.\de[+-]\d\d \| \d+ in \d+\.\d s \| .* \| time reached \|$", first)
    assert "not run: JAX is not installed" in second
    assert "not run: JAX is not installed" in third


def test_no_run_begins_when_the_time_is_used_up(gpu_train, heat):
    tables = []
    late = time.perf_counter() - 1
    gpu_train.run_all("cpu", 1.0, late, lambda r: tables.append(gpu_train.report(r)), heat)
    assert tables[-1].count("not run: the time was used up") == len(gpu_train.CONTESTANTS)


def test_the_table_holds_the_first_time_below_each_level(gpu_train):
    curve = [(0.5, 0.2), (1.0, 9e-3), (2.0, 0.05), (3.0, 4e-4)]
    record = {"curve": curve, "steps": 4, "before": 2.0, "end": "time reached"}
    row = gpu_train.line("heat", "JAX LM", record)
    assert row[2:6] == ["1.00", "1.00", "3.00", "-"]
    assert row[-4:] == ["4.0e-04", "4 in 3.0 s", "2.0", "time reached"]


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")  # by torch.func
def test_both_sides_see_the_same_equations(gpu_train):
    pure_torch, sizes = importlib.import_module("pure_torch"), {}
    for name, make in gpu_train.TASKS.items():
        task = make()
        small = ax.MLP([task.model.widths[0], 4, 1])
        case = gpu_train.from_problem(name, task.problem, small, task.formulas)
        theta = small.init(seed=1)
        r, _ = ax.jacobian(case.problem, small, theta)
        expected, _ = pure_torch.TorchStep(case).jacobian(theta)
        assert float((r - expected).norm()) < 1e-12 * float(r.norm())
        sizes[name] = (len(r), task.model.n_parameters)
    assert sizes == {"burgers": (3180, 921), "poisson_10d": (4000, 4929)}


PROBLEM = """
problem = ax.problems.laplace_2d(n=12)
at = ax.Box(x=(0, 1), y=(0, 1)).grid(20)
problem = ax.Problem(problem.coordinates, problem.fields, problem.conditions,
    solution=problem.solution, evaluation=at, name="laplace_2d")
model = ax.MLP([2, 16, 1])
"""
# Forty steps each: a clock that every step moves by a tenth of a second.
PROGRAM = f"""
import itertools, json, sys
from types import SimpleNamespace
import anagram_ext as ax
import peers.clock
from cases import from_problem
from jax_training import METHODS, trained
peers.clock.time = SimpleNamespace(perf_counter=itertools.count(0, 0.1).__next__)
{PROBLEM}
case = from_problem("laplace_2d", problem, model)
json.dump({{name: trained(name, case, "cpu", 3.95) for name in METHODS}}, sys.stdout)
"""


@pytest.mark.skipif(not find_spec("jax"), reason="no JAX")
def test_both_ways_to_train_in_jax_do_what_they_are_called():
    done = subprocess.run(  # JAX brings threads and hooks into a process
        [sys.executable, "-c", PROGRAM], cwd=BENCHMARKS, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    records = json.loads(done.stdout)
    assert [record["steps"] for record in records.values()] == [40, 40]
    errors = {name: [error for _, error in record["curve"]] for name, record in records.items()}
    assert min(errors["JAX LM"]) < 0.1 < errors["JAX LM"][0]
    assert errors["JAX ANaGRAM"][:3] == pytest.approx(errors_of_three_steps(), rel=1e-6)


def errors_of_three_steps():
    """Relative L2 errors of our own ANaGRAM."""
    names = {"ax": ax}
    exec(PROBLEM, names)
    problem, model = names["problem"], names["model"]
    theta, errors = model.init(seed=0), []
    exact = problem.solution(ax.Coordinates(problem.coordinates, problem.evaluation))
    for _ in range(3):
        theta = ax.step(problem, model, theta, cutoff=1e-6, search="grid").theta
        error = model(theta, problem.evaluation)[:, 0] - exact
        errors.append(float(error.norm() / exact.norm()))
    return errors
