"""Points tied to the damping: when they change, how many there are, and what that is good for."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import anagram_ext as ax
from anagram_ext.methods import StepInfo
from anagram_ext.systems.pde_system import PdeSystem
from anagram_ext.training.coupling import Coupling, Standing, wanted

SQUARE = ax.Box(t=(0, 1), x=(0, 1))
MODEL = ax.MLP([2, 8, 8, 1])
P = MODEL.n_parameters


def heat(points):
    """An equation whose points change beside conditions whose points do not."""
    return ax.Problem(
        ("t", "x"),
        ("u",),
        {
            "pde": ax.Condition(lambda u, x: u.d("t") - 0.25 * u.d("xx"), points),
            "initial": ax.Condition(
                lambda u, x: u - torch.sin(torch.pi * x.x), SQUARE.face(t=0).grid(20)
            ),
            "walls": ax.Condition(lambda u, x: u, SQUARE.faces("x").grid(20)),
        },
        solution=lambda x: torch.exp(-0.25 * torch.pi**2 * x.t) * torch.sin(torch.pi * x.x),
        name="heat",
    )


def train(points, steps=40, **options):
    return ax.train(heat(points), MODEL, steps=steps, progress=False, **options)


@pytest.mark.parametrize(
    ("standing", "due"),
    [
        (Standing(late=False, age=1, gap=1.0, outgrown=1.0), True),  # early: always
        (Standing(late=True, age=1, gap=1.0, outgrown=1.0), False),
        (Standing(late=True, age=39, gap=1.9, outgrown=1.3), False),
        (Standing(late=True, age=40, gap=1.0, outgrown=1.0), True),  # old
        (Standing(late=True, age=4, gap=9.0, outgrown=1.0), False),  # too early to tell
        (Standing(late=True, age=5, gap=2.1, outgrown=1.0), True),  # fitted
        (Standing(late=True, age=1, gap=1.0, outgrown=1.5), True),  # too few
    ],
)
def test_when_points_have_served(standing, due):
    assert standing.due is due


@pytest.mark.parametrize(
    ("effective", "rows_per_point", "expected"),
    [(3.0, 1, 50), (20.05, 1, 201), (20.05, 2, 101), (1e4, 1, 900), (1e4, 3, 300)],
)
def test_how_many_points_a_condition_needs(effective, rows_per_point, expected):
    assert wanted(effective, rows_per_point, 50, 900.0) == expected


def test_nobody_gets_fewer_points_than_asked_for():
    assert wanted(1e4, 1, least=1000, most_rows=900.0) == 1000


def step(system, theta, effective, loss=1.0):
    """A report of a step in which the equation claims all parameters."""
    leverages = torch.zeros(system.n_rows, dtype=torch.float64)
    rows = system.row_slices["pde"]
    leverages[rows] = effective / (rows.stop - rows.start)
    return StepInfo(theta, loss, 1.0, "script", effective=effective, leverages=leverages)


def test_a_set_is_kept_when_late_and_training_goes_on_from_its_best_iterate():
    system = PdeSystem(heat(SQUARE.sobol(40).redrawn()), MODEL)
    coupling = Coupling(system)
    thetas = [MODEL.init(k) for k in range(6)]
    assert coupling.before_step(thetas[0]) is thetas[0]
    coupling.after_step(step(system, thetas[1], 1.0), 1.0)
    assert coupling.before_step(thetas[1]) is thetas[1]  # early: new points, the latest iterate
    assert system.draws == 2
    coupling.after_step(step(system, thetas[2], 0.5 * P), 1.0)
    assert coupling.before_step(thetas[2]) is thetas[2]  # late, and outgrown
    assert system.draws == 3
    assert system.sizes == {"pde": pytest.approx(5 * P, abs=1)}
    kept = system.blocks["pde"]
    for theta, merit in zip(thetas[3:], (1.5, 1.1, 1.9), strict=True):
        coupling.after_step(step(system, theta, 0.4 * P), merit)
        assert coupling.before_step(theta) is theta
        assert system.blocks["pde"] is kept
    for _ in range(2):
        coupling.after_step(step(system, thetas[5], 0.4 * P), 2.5)
    assert coupling.before_step(thetas[5]) is thetas[4]  # the gap is too wide
    assert system.draws == 4
    # It was fitted: half as many rows again for each of 0.4 P effective parameters.
    assert system.sizes == {"pde": pytest.approx(1.5 * 4 * P, abs=2)}
    coupling.after_step(step(system, thetas[5], 0.4 * P), 1.0)
    went_on = Coupling(system)
    went_on.restore(coupling.state(), system.draws)
    for one in (coupling, went_on):
        for more in (1.5**2, 3.0, 3.0):  # three times as many, and no more
            for _ in range(5):
                one.after_step(step(system, thetas[5], 0.4 * P), 2.5)
            one.before_step(thetas[5])
            assert system.sizes["pde"] >= (more - 0.1) * 4 * P
        assert system.sizes == {"pde": pytest.approx(3 * 4 * P, abs=4)}


def test_a_sampler_gives_more_points_than_it_was_made_for(device):
    model = ax.MLP([2, 4, 1], device=device)
    for sampler in (SQUARE.sobol(40).redrawn(), SQUARE.stratified(8).adaptive(40)):
        drawn = []
        for _ in range(2):
            system = PdeSystem(heat(sampler), model)
            system.redraw(model.init(0), {"pde": 130})
            drawn.append(system.blocks["pde"].coordinates.points.cpu())
        assert torch.equal(*drawn)
        assert len(torch.unique(drawn[0], dim=0)) == 130
        assert bool(((drawn[0] >= 0) & (drawn[0] <= 1)).all())
        system.redraw(model.init(0))
        assert system.sizes == {"pde": 40}


@pytest.mark.parametrize("points", [SQUARE.sobol(40).redrawn(), SQUARE.sobol(80).adaptive(40)])
def test_coupled_points_generalise_where_few_ones_do_not(points):
    plain, coupled = train(points, coupled=False), train(points, coupled=True)
    assert coupled.held_out_loss < 3 * coupled.loss
    assert coupled.held_out_loss < 0.1 * plain.held_out_loss
    assert coupled.l2_error < plain.l2_error
    rows, effective = coupled.history["rows"], coupled.history["effective"]
    assert rows[0] == plain.history["rows"][-1] == 100
    assert rows[-1] >= 5 * np.nanmax(effective)
    assert np.nanmax(effective) <= P


def test_coupled_points_depend_on_the_seed_alone():
    points = SQUARE.sobol(80).adaptive(40)
    one, other = train(points, 15, coupled=True), train(points, 15, coupled=True)
    assert torch.equal(one.theta, other.theta)
    np.testing.assert_array_equal(one.history["rows"], other.history["rows"])


@pytest.mark.parametrize("memory", ["stored", "streamed"])
def test_a_run_with_coupled_points_goes_on_where_it_was(memory, tmp_path):
    points = SQUARE.sobol(80).adaptive(40)
    whole = train(points, 22, coupled=True, memory=memory)
    rows = whole.history["rows"]
    assert np.any(rows[14:20] == rows[13:19])  # the cut is where a set is kept
    train(points, 16, coupled=True, memory=memory, out=tmp_path)
    resumed = train(points, 22, coupled=True, memory=memory, out=tmp_path, resume=True)
    np.testing.assert_array_equal(resumed.history["rows"], rows)
    torch.testing.assert_close(resumed.theta, whole.theta, rtol=0, atol=1e-10)


def test_a_run_does_not_go_on_with_other_rules(tmp_path):
    points = SQUARE.sobol(40).redrawn()
    train(points, 2, coupled=True, out=tmp_path)
    with pytest.raises(ValueError, match="coupled was True, got False"):
        train(points, 4, coupled=False, out=tmp_path, resume=True)


def test_methods_without_a_damping_draw_as_they_always_did():
    points = SQUARE.sobol(40).redrawn()
    one, other = (train(points, 5, method="adam", coupled=coupled) for coupled in (True, False))
    assert torch.equal(one.theta, other.theta)
