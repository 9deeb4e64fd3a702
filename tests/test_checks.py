"""Checks of arguments: what passes, what comes back, and what an error says."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

import anagram_ext as ax
from anagram_ext import checks


@pytest.mark.parametrize("number", [3, np.int64(3), np.uint8(3)])
def test_integers_of_numpy_are_integers(number):
    checked = checks.check_integer("n", number, least=1)
    assert type(checked) is int
    assert checked == 3
    checks.check_kind("n", number, (int, float), "a number")


@pytest.mark.parametrize("value", [True, 3.0, np.float64(3), "3", None, np.bool_(True)])
def test_what_is_no_integer(value):
    with pytest.raises(TypeError, match="n must be an integer, got"):
        checks.check_integer("n", value, least=1)


@pytest.mark.parametrize("number", [0.5, 2, np.float32(0.5), np.float64(0.5), np.int32(2)])
def test_numbers_of_numpy_are_numbers(number):
    checks.check_kind("x", number, (int, float), "a number")
    with pytest.raises(TypeError, match="x must be a string, got"):
        checks.check_kind("x", number, str, "a string")


def test_numpy_numbers_work_at_every_door(tmp_path):
    model = ax.MLP(np.array([1, 4, 1]))
    assert model == ax.MLP([1, 4, 1])
    line = ax.Problem(
        ("x",), ("u",), {"line": ax.Condition(lambda u, x: u - x.x, ax.Box(x=(0, 1)).sobol(9))}
    )
    numbers = {"steps": np.int64(2), "seed": np.int32(1), "cutoff": np.float32(1e-6)}
    run = ax.train(line, model, method="anagram", progress=False, out=tmp_path, **numbers)
    assert (run.steps, run.seed) == (2, 1)
    assert ax.load(tmp_path / "model.safetensors")[0] == model


def test_generators_are_read_once():
    model = ax.MLP(width for width in (2, 4, 1))
    assert model.widths == (2, 4, 1)
    points = torch.rand(3, 2, dtype=torch.float64)
    jets = model.jet(model.init(0), points, (name for name in ("x", "t")))
    assert list(jets) == ["x", "t"]
    condition = ax.Condition(lambda u, _: u, points)
    problem = ax.Problem((n for n in ("t", "x")), (n for n in ("u",)), {"here": condition})
    assert (problem.coordinates, problem.fields) == (("t", "x"), ("u",))


def test_long_sequences_are_checked_in_a_moment():
    begin = time.process_time()
    assert len(checks.integers("widths", [1] * 100_000, least=1)) == 100_000
    assert len(checks.strings("names", ["x"] * 100_000, "names")) == 100_000
    assert time.process_time() - begin < 2  # hours, with a message for each


@pytest.mark.parametrize(
    ("device", "name"),
    [
        ("cpu", "cpu"),
        ("cuda", "cuda"),
        ("cuda:1", "cuda:1"),
        (torch.device("cpu"), "cpu"),
        (torch.device("cuda"), "cuda"),
        (torch.device("cuda", 1), "cuda:1"),
    ],
)
def test_a_device_has_one_name(device, name):
    assert checks.device_name(device) == name


@pytest.mark.parametrize("device", ["abacus", "cuda:", "cuda:-1", "CPU", "", torch.device("meta")])
def test_other_devices(device):
    with pytest.raises(ValueError, match=f"device must be 'cpu', 'cuda' .* got '{device}'"):
        checks.device_name(device)


def test_what_is_no_device():
    with pytest.raises(TypeError, match=r"device must be a name .* got 1"):
        checks.device_name(1)


def test_a_tensor_has_to_lie_on_the_very_gpu():
    class OnGpu(torch.Tensor):
        device = torch.device("cuda", 1)

    theta = torch.zeros(3).as_subclass(OnGpu)
    for device in ("cuda", "cuda:1"):
        checks.check_theta(theta, (3,), torch.float32, device)
    for device in ("cpu", "cuda:0"):
        with pytest.raises(ValueError, match=r"theta must be on .* got device cuda:1"):
            checks.check_theta(theta, (3,), torch.float32, device)
