"""The accuracy benchmarks keep every run on file, and repeat none."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import anagram_ext as ax
from anagram_ext.systems.pde_system import PdeSystem


@pytest.fixture
def module(monkeypatch):
    """Imports a benchmark by name."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    return importlib.import_module


def run() -> ax.TrainResult:
    return ax.train(ax.problems.poisson_1d(), method="anagram", steps=6, progress=False)


def test_a_finished_run_is_read_and_not_repeated(module, tmp_path):
    path = tmp_path / "runs" / "one.json"
    recorded = module("runs").recorded
    first = recorded(path, run)
    assert first == json.loads(path.read_text(encoding="utf-8"))
    assert (first["steps"], len(first["curve"]["loss"])) == (6, 7)
    assert recorded(path, lambda: pytest.fail("ran again")) == first
    assert [file.name for file in path.parent.iterdir()] == ["one.json"]


def test_an_interrupted_run_leaves_no_record(module, tmp_path):
    cut = replace(run(), stop_reason="interrupted")
    with pytest.raises(KeyboardInterrupt):
        module("runs").recorded(tmp_path / "one.json", lambda: cut)
    assert not list(tmp_path.iterdir())


def test_time_to_a_target_is_the_first_time_below_it(module):
    history = {"l2_error": np.array([1.0, 1e-4, 1e-2, 1e-7]), "seconds": np.array([0, 1, 2, 3.0])}
    seconds_to = module("runs").seconds_to
    assert [seconds_to(history, t) for t in (1e-3, 1e-6, 1e-9)] == [1.0, 3.0, None]
    records = [{"seconds_to": {"1e-03": t}} for t in (1.0, 2.0, None)]
    assert module("runs").median_time(records, 1e-3) == "2.00 s"
    assert module("runs").median_time(records[1:2] + records[2:] * 2, 1e-3) == "-"


def test_a_fit_is_clocked_and_summed_up_by_medians(module):
    bench = module("least_squares")
    arrivals = bench.ours("natural_lm", seed=2, limit=0.5)
    assert arrivals.steps > 0
    assert 0 < arrivals.best < 1
    seconds = [1.0, 3.0, np.inf]
    results = [
        {"name": "a", "reached": 0.1 * k, "seconds": dict.fromkeys(bench.ACCURACIES, s)}
        for k, s in enumerate(seconds)
    ]
    last = bench.summary(results).splitlines()[-1]
    assert last.count("3.00 (2/3)") == len(bench.ACCURACIES)
    assert last.count("1.0e-01") == 1
    late = [result | {"seconds": dict.fromkeys(bench.ACCURACIES, np.inf)} for result in results]
    assert "- (0/3)" in bench.summary(late)


def test_the_published_step_solves_unscaled_rows_and_searches_the_integral(module):
    published = module("published")
    plain = ax.problems.laplace_2d(n=6)
    theta = plain.model.init(0, scheme="normal")
    cutoff = ax.Cutoff(1e-3, relative=False)
    method = published.AsPublished(cutoff)
    system = PdeSystem(published.integrated(plain), plain.model)
    method.start(system, theta)
    info = method.step()
    r, J = ax.jacobian(replace(plain, row_scaling="none"), plain.model, theta)
    direction = ax.lstsq(J, r, cutoff).direction
    trials = theta - 0.5 ** torch.arange(31.0, dtype=torch.float64)[:, None] * direction
    boundary = plain.model(trials[0], plain.conditions["boundary"].points)[:, 0]
    interior = replace(plain, conditions={"interior": plain.conditions["interior"]})
    losses = system.losses(trials)
    # The boundary of the unit square has length 4: half its integral is 2 mean squares.
    expected = PdeSystem(interior, plain.model).losses(trials[:1])[0] + 2 * boundary.square().mean()
    assert float(losses[0]) == pytest.approx(float(expected), rel=1e-12)
    assert info.step_size == 0.5 ** int(losses.argmin())
    torch.testing.assert_close(info.theta, trials[int(losses.argmin())], rtol=1e-8, atol=1e-8)


def test_hard_runs_keep_the_equation_alone_and_hold_the_rest_exactly(module):
    hard_soft = module("hard_soft")
    for name in hard_soft.MAPS:
        problem, model = hard_soft.posed(name, "hard")
        soft, _ = hard_soft.posed(name, "soft")
        assert list(problem.conditions) == ["interior"]
        bound = replace(model, coordinates=problem.coordinates)
        theta = bound.init(0)
        for missing in ("initial", "walls"):
            points = soft.conditions[missing].points_for(0)
            exact = problem.solution(ax.Coordinates(problem.coordinates, points))
            assert (bound(theta, points)[:, 0] - exact).abs().max() < 1e-8  # Allen-Cahn's table


@pytest.mark.filterwarnings("ignore::anagram_ext.TrainingWarning")
def test_hard_and_soft_are_compared_where_both_arrive(module, tmp_path):
    hard_soft = module("hard_soft")
    records = [hard_soft.run("heat", kind, 0, steps=3) for kind in ("soft", "hard")]
    soft, hard = hard_soft.lines(records)
    assert (soft[:3], hard[:3]) == (["heat", "soft", "1"], ["heat", "hard", "1"])
    assert soft[7] == hard[7] == f"{max(record['error'] for record in records):.1e}"
    curve = [{"curve": [(0, 0.0, 1.0), (1, 0.5, 0.1), (2, 0.9, 0.01)]}]
    assert hard_soft.first_below(curve[0], 0.1) == (1, 0.5)
    hard_soft.draw(records, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").stat().st_size > 1000


@pytest.mark.filterwarnings("ignore::anagram_ext.TrainingWarning")
def test_pairs_and_embeddings_have_the_same_problem(module):
    pairs = module("pairs_embeddings")
    for about in pairs.EVOLUTIONS.values():
        seam, model = pairs.posed(about, "pairs")
        embedded, periodic = pairs.posed(about, "embedding")
        assert set(seam.conditions) - set(embedded.conditions) == {"seam"}
        assert model.inputs is None
        assert periodic.inputs is not None
        x = torch.linspace(*about.interval, 7, dtype=torch.float64)
        exact = about.solution(torch.zeros_like(x), x)
        assert (about.start(x) - exact).abs().max() < 1e-8
    names = "convection, speed 30"
    records = [pairs.run(names, kind, 0, steps=2) for kind in pairs.KINDS]
    assert all(0 < record["error"] < 10 for record in records)
    embedding, seam_line = pairs.lines(records)
    assert (embedding[1], embedding[5]) == ("embedding", "1 (1)")
    of_medians, of_a_seed = (float(number.strip("()")) for number in seam_line[5].split())
    ratio = records[1]["error"] / records[0]["error"]
    assert of_medians == of_a_seed == pytest.approx(ratio, rel=0.1)
