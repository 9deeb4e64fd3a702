"""Modules fitted, and windows of time trained, by several processes: as one process does it."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
import torch

import anagram_ext as ax
import rank_tasks
from ranks import on_ranks, results

ROWS = len(rank_tasks.measurements()[0])
CUTS = {1: [0, ROWS], 2: [0, 20, ROWS], 3: [0, 1, 9, ROWS], 5: [0, 2, 3, 4, 20, ROWS]}


@pytest.mark.parametrize("size", CUTS)
def test_a_fit_is_that_of_one_process(size: int) -> None:
    """Uneven shares, some with fewer rows than parameters."""
    alone = rank_tasks.fitted(None, [0, ROWS], memory="streamed")
    fits = results(size, "fitted", cuts=CUTS[size])
    for fit in fits:
        torch.testing.assert_close(fit["theta"], alone["theta"], rtol=1e-9, atol=0)
        torch.testing.assert_close(fit["covariance"], alone["covariance"], rtol=1e-8, atol=0)
        torch.testing.assert_close(fit["residual"], alone["residual"], rtol=0, atol=1e-8)
        assert fit["loss"] == pytest.approx(alone["loss"], rel=1e-12)
        assert (fit["stop"], fit["steps"]) == (alone["stop"], alone["steps"])
        assert fit["verdict"].split(":")[0] == alone["verdict"].split(":")[0]
        assert torch.equal(fit["theta"], fits[0]["theta"])
        assert torch.equal(fit["module"], fit["theta"])


def test_error_bars_are_those_of_scipy() -> None:
    t, data = (values.numpy() for values in rank_tasks.measurements())
    expected, covariance = scipy.optimize.curve_fit(
        lambda t, a, k, c: a * np.exp(-k * t) + c, t, data, p0=[1, 0.2, 0], xtol=1e-14, ftol=1e-14
    )
    for fit in results(3, "fitted", cuts=CUTS[3]):
        np.testing.assert_allclose(fit["theta"], expected, rtol=1e-7)
        np.testing.assert_allclose(fit["std"], np.sqrt(np.diag(covariance)), rtol=1e-5)


@pytest.mark.parametrize(
    "arguments",
    [{"memory": "streamed"}, {"method": "levenberg_marquardt"}, {"method": "lbfgs", "steps": 30}],
    ids=["streamed", "levenberg_marquardt", "lbfgs"],
)
def test_methods_and_memory(arguments) -> None:
    alone = rank_tasks.fitted(None, [0, ROWS], **arguments)
    for fit in results(2, "fitted", cuts=CUTS[2], **arguments):
        torch.testing.assert_close(fit["theta"], alone["theta"], rtol=1e-8, atol=0)
        assert fit["steps"] == alone["steps"]


def test_all_stop_when_the_time_of_one_is_over() -> None:
    fits = results(2, "fitted", cuts=CUTS[2], method="gd", seconds=0.2)
    assert len({fit["steps"] for fit in fits}) == 1
    assert len({fit["stop"] for fit in fits}) == 1
    assert max(fit["seconds"] for fit in fits) >= 0.2


@pytest.mark.parametrize("memory", ["stored", "streamed"])
def test_the_residual_of_all_is_a_system(memory: str) -> None:
    results(3, "torch_system_conforms", memory=memory)


def test_a_rank_that_starts_elsewhere_is_named() -> None:
    for outcome in on_ranks(3, "fitted", cuts=CUTS[3], other=1):
        assert isinstance(outcome.error, ax.RankError), outcome.told
        assert outcome.error.ranks == (1,)
        assert "first parameters of module must be the same on all ranks" in str(outcome.error)


def test_a_residual_without_rows_is_an_error_on_all_ranks() -> None:
    for outcome in on_ranks(2, "fitted", cuts=[0, ROWS, ROWS]):
        assert isinstance(outcome.error, ValueError), outcome.told
        assert "residual must return at least one number" in str(outcome.error)


def test_windows_of_time_are_those_of_one_process(tmp_path) -> None:
    alone = rank_tasks.marched(None, windows=2, steps=6, memory="streamed")
    for march in results(3, "marched", windows=2, steps=6, folder=str(tmp_path)):
        scale = float(alone["thetas"].norm())
        torch.testing.assert_close(march["thetas"], alone["thetas"], rtol=0, atol=1e-7 * scale)
        assert march["times"] == alone["times"]
        assert march["verdict"] == alone["verdict"]
        assert march["l2"] == pytest.approx(alone["l2"], rel=1e-5)
    assert (tmp_path / "run" / "window_001" / "model.safetensors").exists()
    assert not (tmp_path / "nobody").exists()
    # Finished windows are not trained again: they come from the files of rank 0.
    again = {"windows": 2, "folder": str(tmp_path), "resume": True}
    for march in results(2, "marched", steps=6, **again):
        assert march["steps"] == [6, 6]
        torch.testing.assert_close(march["thetas"], alone["thetas"], rtol=0, atol=1e-7 * scale)


def test_what_is_no_group_is_refused() -> None:
    with pytest.raises(TypeError, match="group must be a process group"):
        ax.least_squares(lambda net: net.v, rank_tasks.Decay(), group="WORLD", progress=False)
    with pytest.raises(TypeError, match="group must be a process group"):
        ax.march(ax.problems.heat(n=4), ax.MLP([2, 4, 1]), group="WORLD", progress=False)
