"""Training over several processes: the iterates of one, and what happens when one goes wrong."""

from __future__ import annotations

import functools
import math
from typing import Any

import pytest
import torch

import anagram_ext as ax
import rank_tasks
from ranks import on_ranks, results

SIZES = [1, 2, 3, 5]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["laplace_2d", "tiny", "measured", "redrawn", "undivided"])
def test_a_step_is_that_of_one_process(size: int, name: str) -> None:
    alone = rank_tasks.stepped(None, name)
    for step in results(size, "stepped", name=name):
        assert step.rank == alone.rank
        assert step.step_size == alone.step_size
        assert abs(step.loss - alone.loss) <= 1e-10 * alone.loss
        scale = float(alone.direction.norm())
        torch.testing.assert_close(step.direction, alone.direction, rtol=0, atol=1e-8 * scale)


def apart(run, expected) -> float:
    """The largest distance of iterates, relative to them."""
    assert run["iterates"].shape == expected["iterates"].shape
    distance = (run["iterates"] - expected["iterates"]).norm(dim=1)
    return float((distance / expected["iterates"].norm(dim=1)).max())


def close(run, expected, within: float) -> None:
    assert apart(run, expected) <= within
    assert run["stop"] == expected["stop"]


def fields(name: str, theta: torch.Tensor) -> torch.Tensor:
    """What the network says at some points."""
    generator = torch.Generator().manual_seed(0)
    points = torch.rand((200, 2), generator=generator, dtype=torch.float64)
    return rank_tasks.setting(name)[1](theta, points)


# Name and arguments.
CASES = {
    "laplace": ("laplace_2d", {}),
    "heat by anagram": ("heat", {"method": "anagram", "cutoff": 1e-5}),
    "burgers by anagram": ("burgers", {"method": "anagram", "cutoff": 1e-5}),
    "heat by levenberg_marquardt": ("heat", {"method": "levenberg_marquardt"}),
    "burgers by levenberg_marquardt": ("burgers", {"method": "levenberg_marquardt"}),
    "heat": ("heat", {}),
    "burgers": ("burgers", {}),
}
EXACT = 1e-8  # share of the parameters by which iterates may differ
FUNCTIONS = 1e-7  # and the functions that they are
# The damping of natural_lm sinks fast on these two, and multiplies rounding errors in directions
# that the rows hardly determine: one process with its points in another order differs as much.
# There it is 1e-8, or so many times what one rounding of the first parameters does in one process.
AMPLIFYING = ("heat", "burgers")
ROUNDINGS = 10


QUICK = {(size, case) for size in (1, 2, 3) for case in ("laplace", "heat by anagram")}
QUICK |= {(3, "burgers by anagram"), (3, "heat")}


@functools.cache
def one_process(case: str) -> dict[str, Any]:
    """The run of one process."""
    name, arguments = CASES[case]
    return rank_tasks.trained(None, name, steps=20, memory="streamed", **arguments)


@functools.cache
def amplified(case: str) -> float:
    """How far one process moves when each of its first parameters is off by one rounding."""
    name, arguments = CASES[case]
    theta = rank_tasks.setting(name)[1].init(0)
    farthest = 0.0
    for seed in range(3):
        up = torch.rand(len(theta), generator=torch.Generator().manual_seed(seed)) < 0.5
        near = torch.nextafter(theta, torch.where(up, math.inf, -math.inf).to(theta))
        run = rank_tasks.trained(None, name, theta=near, steps=20, memory="streamed", **arguments)
        farthest = max(farthest, apart(run, one_process(case)))
    return farthest


@pytest.mark.parametrize(
    ("size", "case"),
    [
        pytest.param(size, case, marks=() if (size, case) in QUICK else pytest.mark.slow)
        for size in SIZES
        for case in CASES
    ],
)
def test_the_iterates_are_those_of_one_process(size: int, case: str) -> None:
    """To 1e-8 or, where rounding errors grow beyond, to ten times what one of them does alone."""
    name, arguments = CASES[case]
    expected = one_process(case)
    runs = results(size, "trained", name=name, steps=20, **arguments)
    within = EXACT
    if case in AMPLIFYING:
        within = max(EXACT, ROUNDINGS * amplified(case))
        assert within < 1e-5  # and that is little
    for run in runs:
        close(run, expected, within)
        torch.testing.assert_close(run["losses"], expected["losses"], rtol=1e-5, atol=0)
        assert run["verdict"] == expected["verdict"]
        assert torch.equal(run["iterates"], runs[0]["iterates"])
        u, v = (fields(name, each["iterates"][-1]) for each in (run, expected))
        assert float((u - v).norm()) <= FUNCTIONS * float(v.norm())


@pytest.mark.parametrize("size", [2, pytest.param(5, marks=pytest.mark.slow)])
@pytest.mark.parametrize("method", ["natural_lm", "anagram"])
def test_what_travels_in_a_step(size: int, method: str) -> None:
    """S / ranks numbers for each residual, and few parameters times the rank for a factorisation.

    P is not several times the rank k here, so that k P is O(k^2).
    """
    number, overhead = 8, 6000  # bytes; flags, digests and whatever else has a fixed size
    for rank, run in enumerate(results(size, "traffic_of_steps", steps=6, method=method)):
        share = -(-run["S"] // size)
        factors = run["P"] ** 2 * (2 if rank == 0 else 1)  # k <= P
        assert run["S"] > 20 * run["P"]
        for sent, evaluations in zip(run["sent"], run["evaluations"], strict=True):
            vectors = (evaluations + 1) * (share + 3 * run["P"])
            assert sent <= number * (vectors + factors) + overhead
            assert sent >= number * share


@pytest.mark.parametrize("size", [2, 3, 5])
@pytest.mark.parametrize("method", ["natural_lm", "anagram"])
def test_a_step_sends_the_share_of_a_rank(size: int, method: str) -> None:
    """O((S + P k) / ranks + P + k^2) numbers, for P much larger than the rank k of J."""
    number, overhead = 8, 6000  # as above
    widths = (2, 48, 48, 1)
    arguments = {"steps": 4, "method": method, "widths": widths}
    for run in results(size, "traffic_of_steps", **arguments):
        P, share = run["P"], -(-run["S"] // size)
        steps = zip(run["sent"], run["evaluations"], run["directions"], strict=True)
        for sent, evaluations, k in steps:
            assert 5 * k < P
            vectors = (evaluations + 1) * share + 4 * P
            assert sent <= number * (vectors + 2 * P * k / size + 5 * k**2) + overhead
            assert sent >= number * P * k / size / 2


def test_ranks_on_gpus_of_their_own() -> None:
    """Rows over the GPUs of one machine: pretended ones, with gloo between them."""
    expected = rank_tasks.trained(None, "laplace_2d", steps=4, memory="streamed")
    for rank, run in enumerate(results(2, "trained_on_gpus", name="laplace_2d", steps=4)):
        assert run["devices"] == {f"cuda:{rank}"}
        close(run, expected, 1e-8)


@pytest.mark.parametrize("memory", ["stored", "streamed"])
def test_exact_integrals_are_met_on_all_ranks(memory: str) -> None:
    problem, model = rank_tasks.setting("exact")
    nodes = problem.conditions["mean"].points
    alone = rank_tasks.trained(None, "exact", steps=8, memory=memory)
    runs = results(3, "trained", name="exact", steps=8, memory=memory)
    for run in runs:
        assert torch.equal(run["theta"], runs[0]["theta"])
        assert not torch.equal(run["theta"], run["iterates"][-1])  # it was corrected
        assert abs(float(nodes.weights @ model(run["theta"], nodes)[:, 0]) - 0.5) < 1e-15
        u, expected = model(run["theta"], nodes), model(alone["theta"], nodes)
        assert float((u - expected).norm()) <= 1e-6 * float(expected.norm())


def test_redrawn_points_are_those_of_one_process() -> None:
    """Drawn by seed, chosen by residual, as many as the damping wants; then spread."""
    alone = rank_tasks.trained(None, "redrawn", steps=8, memory="streamed")
    for run in results(3, "trained", name="redrawn", steps=8):
        close(run, alone, 1e-8)


@pytest.mark.parametrize("name", ["tiny", "measured"])
def test_few_points_and_values_of_their_own(name: str) -> None:
    """Ranks without rows, conditions that cannot be divided, the evidence for the verdict."""
    alone = rank_tasks.trained(None, name, steps=5, memory="streamed")
    for run in results(5, "trained", name=name, steps=5):
        close(run, alone, 1e-8)
        assert run["verdict"] == alone["verdict"]
        assert run["relative"] == pytest.approx(alone["relative"], rel=1e-4, abs=1e-12)


@pytest.mark.parametrize(
    "arguments",
    [
        {"method": "levenberg_marquardt"},
        {"method": "engd", "cutoff": 1e-6},  # of the Gram matrix: its own holds rounding errors
        {"method": "amstramgram"},
        {"method": "lbfgs"},
        {"method": "adam"},
    ],
    ids=lambda arguments: arguments["method"],
)
def test_methods_do_not_know_where_rows_are(arguments: dict[str, Any]) -> None:
    alone = rank_tasks.trained(None, "laplace_2d", steps=4, memory="streamed", **arguments)
    for run in results(2, "trained", name="laplace_2d", steps=4, **arguments):
        close(run, alone, 1e-7)


def test_streamed_rows_stay_on_their_rank() -> None:
    alone = rank_tasks.trained(None, "heat", steps=6, memory="streamed")
    for run in results(3, "trained", name="heat", steps=6, memory="streamed"):
        close(run, alone, 1e-8)


@pytest.mark.parametrize("memory", ["stored", "streamed"])
def test_a_spread_system_is_one(memory: str) -> None:
    results(3, "system_conforms", name="measured", memory=memory)


def test_files_are_written_once_and_any_number_of_ranks_goes_on(tmp_path) -> None:
    whole = rank_tasks.trained(None, "laplace_2d", steps=8, memory="streamed")
    runs = results(3, "trained_in", folder=str(tmp_path), name="laplace_2d", steps=4)
    assert [run["exists"] for run in runs] == [True, False, False]
    written = {file.name for file in (tmp_path / "run").iterdir()}
    assert {"history.csv", "model.safetensors", "state.pt", "summary.json"} <= written
    again = {"folder": str(tmp_path), "name": "laplace_2d", "resume": True}
    for run in results(2, "trained_in", steps=6, **again):
        assert run["steps"] == 6
    for run in results(1, "trained_in", steps=8, **again):
        assert run["steps"] == 8
        end = whole["iterates"][-1]
        torch.testing.assert_close(run["iterates"][-1], end, rtol=0, atol=1e-9 * float(end.norm()))
        torch.testing.assert_close(run["losses"], whole["losses"], rtol=1e-8, atol=0)


def test_training_goes_on_where_a_rank_was_killed(tmp_path) -> None:
    """From the last checkpoint, with one rank fewer, to the iterates of a run without a fault."""
    whole = rank_tasks.trained(None, "laplace_2d", steps=8, memory="streamed")
    where = {"folder": str(tmp_path), "name": "laplace_2d", "steps": 8}
    outcomes = on_ranks(3, "killed_in", rank=2, at=5, **where)
    assert outcomes[2].error is None
    assert outcomes[2].told != "done"
    for outcome in outcomes[:2]:
        assert isinstance(outcome.error, ax.RankError), outcome.told
        assert "rank 2 of 3 has died" in str(outcome.error)
    for run in results(2, "trained_in", resume=True, **where):
        assert run["steps"] == 8
        assert 3 <= len(run["iterates"]) <= 5  # not from the beginning
        end = whole["iterates"][-1]
        torch.testing.assert_close(run["iterates"][-1], end, rtol=0, atol=1e-9 * float(end.norm()))


def test_a_folder_that_is_taken_is_an_error_on_all_ranks(tmp_path) -> None:
    (tmp_path / "run").write_text("a file")
    for outcome in on_ranks(2, "trained_in", folder=str(tmp_path), name="heat", steps=1):
        assert isinstance(outcome.error, ValueError), outcome.told
        assert "out must be a folder" in str(outcome.error)


@pytest.mark.parametrize("fault", ["killed", "fails"])
@pytest.mark.parametrize("rank", [0, 2])
def test_a_rank_that_dies_ends_the_others(fault: str, rank: int) -> None:
    outcomes = on_ranks(3, "with_fault", fault=fault, rank=rank)
    for own, outcome in enumerate(outcomes):
        if own == rank:
            assert outcome.result is None
            continue
        assert outcome.result is not None, outcome.told
        assert outcome.result["ranks"] == (rank,)
        expected = "has died" if fault == "killed" else "failed: ValueError: the disk is full"
        assert f"rank {rank} of 3 {expected}" in outcome.result["text"]
        assert outcome.result["seconds"] < 50  # long before the collective's own time-out


def test_a_rank_that_hangs_ends_the_others() -> None:
    outcomes = on_ranks(3, "with_fault", fault="hangs", rank=1, timeout=6, stuck=1)
    assert outcomes[1].result is None
    for rank in (0, 2):
        assert outcomes[rank].result is not None, outcomes[rank].told
        assert outcomes[rank].result["ranks"] == (1,)
        assert "rank 1 of 3 does not answer" in outcomes[rank].result["text"]


def test_ctrl_c_on_one_rank_ends_all_in_good_order() -> None:
    for run in results(3, "with_fault", fault="ctrl-c", rank=1):
        assert run["steps"] == 3
        assert "interrupted" in run["stop"]


def test_a_rank_that_differs_is_named() -> None:
    for outcome in on_ranks(3, "different_start", rank=2):
        assert isinstance(outcome.error, ax.RankError), outcome.told
        assert outcome.error.ranks == (2,)
        assert "first iterate must be the same on all ranks, got others on rank 2 of 3" in str(
            outcome.error
        )
    for outcome in on_ranks(3, "stepped", name="heat", other=0):
        assert isinstance(outcome.error, ax.RankError), outcome.told
        assert outcome.error.ranks == (0,)


def test_a_residual_that_is_not_finite_is_an_error_on_all_ranks() -> None:
    for outcome in on_ranks(3, "not_finite"):
        assert isinstance(outcome.error, ax.NonFiniteError), outcome.told
        assert outcome.error.condition == "ode"
        assert outcome.error.point == (1.0,)
