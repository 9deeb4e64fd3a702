"""Whatever ends a run, it ends in good order: history and best iterate kept, files whole."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from anagram_ext import MLP, Box, Condition, NonFiniteError, Problem, problems
from anagram_ext.cli import main
from anagram_ext.figures import curves
from anagram_ext.methods import StepInfo, Stop
from anagram_ext.methods.anagram import Anagram
from anagram_ext.training import checkpoint
from anagram_ext.training.directory import RunDirectory
from anagram_ext.training.history import History, read_csv
from anagram_ext.training.loop import train
from anagram_ext.training.run import Run
from anagram_ext.verdicts.validation import Validation


class Failing:
    """ANaGRAM that raises in a given step."""

    name = "failing"
    default_steps = 50
    evaluate_every = 1

    def __init__(self, error, fail_in):
        self._inner, self._error, self._fail_in = Anagram(), error, fail_in

    def start(self, system, theta):
        self._inner.start(system, theta)
        self._count = 0

    def step(self):
        self._count += 1
        if self._count == self._fail_in:
            raise self._error
        return self._inner.step()


class Diverging(Failing):
    """ANaGRAM that reports a loss of nan in a given step."""

    def step(self):
        self._count += 1
        info = self._inner.step()
        return StepInfo(info.theta, math.nan, 1.0, "") if self._count == self._fail_in else info


def curve(residual=lambda u, x: u - torch.sin(3 * x.x)) -> Problem:
    return Problem(
        coordinates=("x",),
        fields=("u",),
        conditions={"data": Condition(residual, Box(x=(0, 1)).grid(20))},
        solution=lambda x: torch.sin(3 * x.x),
        name="curve",
        model=MLP([1, 6, 1]),
    )


def check_files(out, run):
    assert read_csv(out / "history.csv")["step"].tolist() == run.history["step"].tolist()
    assert torch.equal(checkpoint.load(out / "model.safetensors")[1], run.theta.cpu())
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert summary["stop_reason"] == run.stop_reason


def test_ctrl_c_inside_a_step(tmp_path, device):
    options = {"device": device, "progress": False}
    run = train(curve(), method=Failing(KeyboardInterrupt(), 4), out=tmp_path, **options)
    whole = train(curve(), steps=3, method="anagram", **options)
    assert (run.steps, run.stop) == (3, Stop.INTERRUPTED)
    assert torch.equal(run.theta, whole.theta)
    assert run.loss == whole.loss
    np.testing.assert_array_equal(run.history["loss"], whole.history["loss"])
    check_files(tmp_path, run)


def test_ctrl_c_in_the_first_step_returns_the_first_iterate(tmp_path):
    problem = curve()
    run = train(problem, method=Failing(KeyboardInterrupt(), 1), progress=False, out=tmp_path)
    assert run.steps == 0
    assert torch.equal(run.theta, problem.model.init(0))
    check_files(tmp_path, run)


def test_ctrl_c_while_the_errors_are_evaluated(monkeypatch, tmp_path):
    original, calls = Validation.l2_error, []

    def interrupted(self, theta):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(self, theta)

    monkeypatch.setattr(Validation, "l2_error", interrupted)
    run = train(curve(), steps=9, method="anagram", progress=False, out=tmp_path)
    # Rows 0 and 1 were written; step 2 was done, and its iterate is the best one.
    assert (run.steps, run.stop) == (2, Stop.INTERRUPTED)
    assert run.history["step"].tolist() == [0, 1]
    assert run.loss < run.history["loss"][-1]
    check_files(tmp_path, run)


@pytest.mark.parametrize(
    "method",
    [
        Failing(NonFiniteError("condition 'data': nan at x = 0.5"), 4),
        Diverging(None, 4),
    ],
)
def test_nan_in_a_later_step_keeps_what_was_reached(method, tmp_path, device):
    run = train(curve(), method=method, device=device, progress=False, out=tmp_path)
    whole = train(curve(), steps=3, method="anagram", device=device, progress=False)
    assert run.stop is Stop.NOT_FINITE
    assert run.steps == 3
    assert torch.equal(run.theta, whole.theta)
    check_files(tmp_path, run)


def test_the_stop_reason_names_condition_and_point():
    error = NonFiniteError("condition 'data': nan at x = 0.5")
    run = train(curve(), method=Failing(error, 2), progress=False)
    assert run.stop_reason == "not finite: condition 'data': nan at x = 0.5"


def test_nan_at_the_start_is_an_error(device):
    problem = curve(lambda u, x: torch.sqrt(u - 1e3) + 0 * x.x)
    with pytest.raises(NonFiniteError, match="data"):
        train(problem, device=device, progress=False)


def test_another_error_passes_and_leaves_a_readable_history(tmp_path):
    with pytest.raises(RuntimeError, match="broken"):
        train(curve(), method=Failing(RuntimeError("broken"), 3), progress=False, out=tmp_path)
    assert read_csv(tmp_path / "history.csv")["step"].tolist() == [0, 1, 2]
    checkpoint.load(tmp_path / "model.safetensors")


@pytest.fixture
def ctrl_c(monkeypatch):
    """Makes a function press Ctrl-C before it does its work."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def pressed_in(owner, name):
        original = getattr(owner, name)

        def pressing(*arguments, **options):
            os.kill(os.getpid(), signal.SIGINT)
            return original(*arguments, **options)

        monkeypatch.setattr(owner, name, pressing)

    yield pressed_in
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(
    ("owner", "name"), [(History, "close"), (RunDirectory, "summarise"), (curves, "convergence")]
)
def test_ctrl_c_during_the_final_writes_waits_for_them(tmp_path, ctrl_c, owner, name):
    ctrl_c(owner, name)
    run = train(curve(), steps=3, method="anagram", progress=False, out=tmp_path)
    assert (run.steps, run.stop) == (3, Stop.INTERRUPTED)
    check_files(tmp_path, run)
    assert (tmp_path / "convergence.png").exists()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_without_files_is_told_too(ctrl_c):
    ctrl_c(Run, "result")
    run = train(curve(), steps=3, method="anagram", progress=False)
    assert (run.steps, run.stop) == (3, Stop.INTERRUPTED)


def test_in_another_thread_ctrl_c_is_none_of_our_business():
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(train, curve(), steps=2, method="anagram", progress=False).result()
    assert run.stop is Stop.STEPS_REACHED


# A test run in the background of a shell passes an ignored SIGINT on; the command must not have it.
COMMAND = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from anagram_ext.cli import main
from anagram_ext.systems.pde_system import PdeSystem
main()
"""


def start_training(out):
    """Starts a long run in a process of its own and waits until it has done some steps."""
    arguments = ["train", "heat", "--method", "adam", "--steps", "10000000", "--quiet"]
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *arguments, "--out", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        history = out / "history.csv"  # may be there without its first line yet
        if history.exists() and history.read_text(encoding="utf-8").count("\n") > 3:
            return process
        time.sleep(0.05)
    process.kill()
    raise AssertionError(f"no step was done: {process.communicate()}")


def test_a_real_sigint_ends_the_command_cleanly(tmp_path):
    process = start_training(tmp_path)
    os.kill(process.pid, signal.SIGINT)
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 130
    assert stderr == ""
    first, last = stdout.splitlines()
    assert first.startswith("interrupted after")
    assert last.startswith("L2 error")
    summary = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert summary["stop_reason"] == "interrupted"
    assert summary["steps"] >= read_csv(tmp_path / "history.csv")["step"][-1]
    model, theta = checkpoint.load(tmp_path / "model.safetensors")
    assert theta.shape == (model.n_parameters,)
    assert (tmp_path / "convergence.png").stat().st_size > 0


def test_a_killed_run_keeps_its_history_and_a_checkpoint(tmp_path):
    process = start_training(tmp_path)
    process.kill()
    process.communicate(timeout=120)
    assert len(read_csv(tmp_path / "history.csv")["step"]) > 2
    model, theta = checkpoint.load(tmp_path / "model.safetensors")
    assert bool(torch.isfinite(theta).all())
    assert model.widths == (2, 64, 1)


def test_a_killed_rerun_leaves_no_summary_of_the_run_before(tmp_path):
    train(problems.heat(), method="adam", steps=2, progress=False, out=tmp_path)
    assert (tmp_path / "summary.json").exists()
    (tmp_path / "history.csv").unlink()
    process = start_training(tmp_path)
    process.kill()
    process.communicate(timeout=120)
    assert not (tmp_path / "summary.json").exists()
    assert not list(tmp_path.glob("*.png"))


def test_a_folder_belongs_to_one_run_at_a_time(tmp_path, capfd, monkeypatch):
    process = start_training(tmp_path)
    rows = len(read_csv(tmp_path / "history.csv")["step"])
    try:
        with pytest.raises(ValueError, match="out must be a folder that no other run writes to"):
            train(curve(), steps=1, progress=False, out=tmp_path)
        arguments = ["train", "heat", "--steps", "1", "--quiet", "--out", str(tmp_path)]
        monkeypatch.setattr(sys, "argv", ["anagram-ext", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        assert end.value.code == 2
        assert capfd.readouterr().err == (
            f"error: out must be a folder that no other run writes to, got {tmp_path}\n"
        )
    finally:
        process.kill()
        process.communicate(timeout=120)
    assert len(read_csv(tmp_path / "history.csv")["step"]) >= rows
    # The system takes the lock of a killed process back.
    train(curve(), steps=1, progress=False, out=tmp_path)
    assert not (tmp_path / ".lock").exists()
