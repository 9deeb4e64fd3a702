"""The examples run, and reach the numbers that they claim."""

from __future__ import annotations

import importlib.util
import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.image import imread

import anagram_ext as ax

EXAMPLES = Path(__file__).parents[2] / "examples"

ERRORS = {  # what the variable ``error`` of a page must not exceed
    "coupled_points": 1e-6,
    "curve_fit": 3.0,  # standard deviations
    "data_assimilation": 0.1,
    "hard_constraints": 1e-6,
    "ill_posed": 0.05,
    "momentum": 1e-3,
    "operator_family": 1e-2,
    "order_two": 1e-3,  # chord correction minus geodesic acceleration, for h = 1e-3
    "several_networks": 1e-4,
    "time_windows": 1e-5,
    "units": 1e-3,
    "unknown_coefficients": 1e-3,
    "unreachable_face": 0.05,
}


@pytest.fixture
def example(monkeypatch):
    """Loads an example as a module that dataclasses find."""

    def load(name):
        spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return load


def test_one_step_is_collocation_and_finite_elements(example):
    found = example("linear_model").main()
    collocation, elements = found["collocation"], found["finite elements"]
    assert collocation["step minus numpy.linalg.lstsq, as functions"] < 1e-12
    assert collocation["the same from a random start"] < 1e-10
    assert collocation["error of u"] < 1e-8
    assert elements["J^T J minus (-1, 2, -1) / h"] < 1e-13
    assert elements["step minus finite elements"] < 1e-12
    assert elements["error of u at the nodes"] < 1e-13  # exact there, in one dimension


def test_the_last_layer_alone_does_it_with_the_right_slopes(example):
    module = example("extreme_learning_machine")
    heat = module.ax.problems.heat()
    assert module.extreme_learning_machine(heat, 256, slope=1.0) < 1e-8
    assert module.extreme_learning_machine(heat, 256, slope=10.0) > 1e-5


def test_error_bars_cover_and_the_common_formula_is_too_wide(example):
    module = example("error_bars")
    heavy, light = module.repeated(100.0, None, 60), module.repeated(0.1, module.NOISE, 60)
    for row in (heavy, light):
        assert row["covered"] >= 0.85  # 60 draws: 0.95 +- 0.03
        assert abs(row["mean std"] / row["scatter"] - 1) < 0.3  # +- 0.09
    assert abs(heavy["all rows noisy"] / heavy["mean std"] - 1) < 0.1
    assert light["all rows noisy"] > 2 * light["mean std"]


def on_three_processes(*arguments):
    """The program of many machines under torchrun."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    program = [str(EXAMPLES / "many_machines.py"), *arguments]
    subprocess.run([*torchrun, "--nproc-per-node", "3", *program], check=True, timeout=240)


def test_torchrun_trains_on_three_processes(example, capfd):
    alone = example("many_machines").main(["--steps", "20"])
    capfd.readouterr()
    on_three_processes("--steps", "20")
    told = re.search(r"3 ranks, 20 steps: loss (\S+), L2 error (\S+)", capfd.readouterr().out)
    assert told is not None
    assert float(told[1]) == pytest.approx(alone.loss, rel=1e-3)
    assert float(told[2]) == pytest.approx(alone.l2_error, rel=1e-2)


@pytest.mark.slow
def test_torchrun_trains_burgers_on_three_processes(example, tmp_path):
    """To the parameters of one; 3000 points are chosen by residual before every step."""
    arguments = ["--problem", "burgers", "--steps", "10", "--out"]
    alone = example("many_machines").main([*arguments, str(tmp_path / "alone")])
    on_three_processes(*arguments, str(tmp_path / "spread"))
    model, theta = ax.load(tmp_path / "spread")
    assert model == ax.MLP([2, 10, 10, 1])
    scale = float(alone.theta.norm())
    torch.testing.assert_close(theta, alone.theta, rtol=0, atol=1e-7 * scale)
    together = ax.load(tmp_path / "spread").history["loss"]
    assert len(together) == 11
    np.testing.assert_allclose(together, alone.history["loss"], rtol=1e-6)
    assert alone.loss < 0.1 * alone.history["loss"][0]


@pytest.mark.slow
def test_the_seminar_draws_every_figure(example, tmp_path, capsys):
    found = example("seminar").main(["--out", str(tmp_path)])
    assert found["failure_of_adam"]["natural_lm_l2"] < found["failure_of_adam"]["adam_l2"]
    problems = {"laplace_2d", "heat", "laplace_5d", "allen_cahn"}
    for name in problems:
        errors = found[f"performance_{name}"]
        assert len(errors) == 6
        assert min(errors, key=errors.get) == "natural_lm_l2", name
    assert found["kernels"]["rank_end"] > found["kernels"]["rank_start"]
    assert found["green"]["line_64"] < 1e-3 < found["green"]["line_8"]
    assert found["learning"]["l2_after_six"] < 0.1
    assert found["burgers"]["natural_lm_l2"] < found["burgers"]["adam_lbfgs_l2"]
    assert json.loads((tmp_path / "numbers.json").read_text()) == found
    made = json.loads((tmp_path / "made.json").read_text())
    assert made.keys() == found.keys()
    assert all(entry["mode"] == "quick" and entry["seeds"] == 2 for entry in made.values())
    assert "kernels:" in capsys.readouterr().out
    drawn = {path.name for path in tmp_path.glob("*.png")}
    assert drawn == {
        "adam_laplace_2d.png",
        "ours_laplace_2d.png",
        *(f"{kernel}_{when}.png" for kernel in ("ntk", "nntk") for when in ("start", "end")),
        "spectrum.png",
        *(f"green_{net}.png" for net in ("line_trained", "line_8", "line_64")),
        *(f"green_{net}.png" for net in ("square_trained", "square_64")),
        "learning.png",
        *(f"burgers_{how}.png" for how in ("adam_lbfgs", "anagram", "natural_lm")),
    }
    compared = {path.parent.name for path in tmp_path.glob("performance/*/l2_error.png")}
    assert compared == problems
    for path in tmp_path.glob("*.png"):
        assert imread(path)[..., :3].std() > 0.02, path.name


CLAIMS = {  # what else a page says, of its variables
    "coupled_points": lambda page: page["gain"] > 30,
    "data_assimilation": lambda page: (
        page["gain"] > 5 and page["errors"]["32 values alone"] > 2 * page["error"]
    ),
    "momentum": lambda page: page["gain"] > 2,
    "order_two": lambda page: (
        page["differences"][0.01] / page["differences"][0.001] == pytest.approx(10, rel=0.1)
        and page["reached"]["natural_lm"] < 1e-18
        and page["reached"]["natural_lm"] < 1e-6 * page["reached"]["newton"]
    ),
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::anagram_ext.TrainingWarning")
@pytest.mark.parametrize("name", ERRORS)
def test_page(name):
    page = runpy.run_path(str(EXAMPLES / f"{name}.py"))
    assert page["error"] <= ERRORS[name]
    assert CLAIMS.get(name, lambda page: True)(page)


def test_every_example_is_run_here():
    text = Path(__file__).read_text()
    for path in EXAMPLES.glob("*.py"):
        assert path.stem in ERRORS or f'example("{path.stem}")' in text, path.name


def test_one_performance_figure_of_the_seminar_in_a_given_time(example, tmp_path):
    arguments = ["--full", "--only", "performance_laplace_2d", "--seeds", "1", "--seconds", "0.2"]
    found = example("seminar").main(["--out", str(tmp_path), *arguments])
    assert len(found["performance_laplace_2d"]) == 6
    assert {path.name for path in tmp_path.glob("*.png")} == {"performance_laplace_2d.png"}
    made = json.loads((tmp_path / "made.json").read_text())["performance_laplace_2d"]
    assert (made["mode"], made["seeds"], made["seconds_a_run"]) == ("full", 1, 0.2)
    seconds = [
        ax.load(folder).history["seconds"][-1]
        for folder in tmp_path.glob("performance/laplace_2d/*/seed_0")
    ]
    assert len(seconds) == 6
    assert max(seconds) < 10  # one step at most beyond the limit, on a busy machine
    again = example("seminar").main(["--out", str(tmp_path), *arguments, "--resume"])
    assert again == found


def test_an_unknown_part_of_the_seminar_is_refused(example, tmp_path, capsys):
    with pytest.raises(SystemExit):
        example("seminar").main(["--out", str(tmp_path / "x"), "--only", "greens"])
    assert "--only must name parts" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
