"""The model of what a step over many ranks costs, against what is counted and what was measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from ranks import results

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def model(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import spread_model

    return spread_model


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_bytes_are_those_that_are_counted(model, size: int) -> None:
    """For a J whose parts have the rank of the whole."""
    rng = torch.Generator().manual_seed(0)
    J = torch.randn((600, 70), generator=rng, dtype=torch.float64)
    problem = model.Problem(600, 70, 70)
    assert not model.sketched(problem, size)
    for rank, ((factorisation, _, residual), k) in enumerate(results(size, "traffic", J=J, q=1)):
        assert k == 70
        # And a flag, a count.
        expected = model.bytes_sent(problem, size, rank)
        assert factorisation == pytest.approx(expected, abs=50)
        assert residual == model.residual_bytes(problem, size)


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_bytes_of_few_rows_of_each_rank_are_those_that_are_counted(model, size: int) -> None:
    """For a J of many columns and few directions; who tells how many rows is not foreseen."""
    rng = torch.Generator().manual_seed(0)
    J = torch.randn((400, 20), generator=rng, dtype=torch.float64)
    J = J @ torch.randn((20, 900), generator=rng, dtype=torch.float64)
    problem = model.Problem(400, 900, 20)
    assert model.sketched(problem, size)
    counted = [factorisation for (factorisation, *_), _ in results(size, "traffic", J=J, q=1)]
    says = [model.bytes_sent(problem, size, rank) for rank in range(size)]
    row = model.NUMBER * problem.P
    assert 0 <= sum(counted) - sum(says) <= 1.5 * row  # one more than the rank may be told
    told = [  # by each rank, of the rows
        (sent - expected) / row + problem.told / size
        for sent, expected in zip(counted, says, strict=True)
    ]
    assert told == pytest.approx([round(number) for number in told], abs=0.1)
    assert min(told) > -0.1


def counted(ranks: int) -> tuple[dict, list[float]]:
    """Numbers of directions, and bytes of a factorisation by rank, of the benchmark."""
    content = json.loads((BENCHMARKS / "results" / "spread.json").read_text())["results"]
    found = content["ranks"][str(ranks)]
    return found[0]["problem"], [rank["bytes of a factorisation"] for rank in found]


@pytest.mark.parametrize("ranks", [1, 2, 3, 4, 5])
def test_bytes_of_the_benchmark_are_those_that_were_counted(model, ranks: int) -> None:
    """For a J whose singular values sink until they are rounding errors."""
    numbers, sent = counted(ranks)
    problem = model.Problem(**numbers)
    says = [model.bytes_sent(problem, ranks, rank) for rank in range(ranks)]
    assert sum(says) == pytest.approx(sum(sent), rel=0.05)
    for each, expected in zip(sent, says, strict=True):
        assert each == pytest.approx(expected, rel=0.2, abs=50)


@pytest.mark.parametrize("ranks", [3, 4, 5])
def test_bytes_of_more_ranks_are_known_from_two(model, ranks: int) -> None:
    """Above rather than below: ranks that have fewer rows know fewer directions."""
    problem, (_, sent) = model.Problem(**counted(2)[0]), counted(ranks)
    says = sum(model.bytes_sent(problem, ranks, rank) for rank in range(ranks))
    assert 0.95 * sum(sent) <= says <= 1.3 * sum(sent)


def test_what_was_measured_on_four_processes_was_predicted_from_two(model) -> None:
    content = json.loads((BENCHMARKS / "results" / "spread.json").read_text())["results"]
    machine = model.Machine(**content["machine"])
    measured = content["ranks"]["4"]
    says = model.seconds(model.Problem(**measured[0]["problem"]), 4, machine)
    for part, name in (
        ("own factorisation", "own factorisation"),
        ("merges", "merges and sending"),
    ):
        slowest = max(rank[name] for rank in measured)
        assert says[part] / 2 <= slowest <= 2 * says[part], part


def test_where_it_stops_scaling(model) -> None:
    machine = model.Machine(rows=1e11, flops=3e13, merges=3e12, bandwidth=5e10, latency=1e-5)
    small, large = model.Problem(1e6, 1e4, 1e3), model.Problem(1e8, 1e4, 1e3)
    assert sum(model.seconds(small, 1, machine).values()) > 0
    assert model.seconds(small, 1, machine)["merges"] == 0
    assert model.most_useful(small, machine) < model.most_useful(large, machine)
    ranks = model.most_useful(large, machine)
    parts = model.seconds(large, 4 * ranks, machine)
    assert parts["merges"] > parts["own factorisation"]
