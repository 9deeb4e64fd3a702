"""The command line: in this process, where a real process would show nothing more."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from anagram_ext import NonFiniteError, OutOfMemoryError, cli, methods, problems
from anagram_ext.figures import canvas
from anagram_ext.systems.pde_system import PdeSystem
from anagram_ext.training import checkpoint
from anagram_ext.training.history import read_csv


@pytest.fixture
def command(monkeypatch, capfd):
    """Runs `anagram-ext ARGUMENTS`; returns exit code, stdout and stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["anagram-ext", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        captured = capfd.readouterr()
        return int(end.value.code or 0), captured.out, captured.err

    return run


def test_train_writes_its_files_and_ends_with_error_and_time(command, tmp_path):
    out = tmp_path / "run"
    code, stdout, stderr = command(
        "train", "poisson_1d", "--steps", "3", "--seed", "2", "--out", str(out), "--quiet"
    )
    assert (code, stderr) == (0, "")
    number = r"\d\.\d{3}e[+-]\d\d"
    last = stdout.splitlines()[-1]
    assert re.fullmatch(rf"L2 error {number} \(relative {number}\) in \d+\.\d\d s", last)
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert f"{summary['l2_error']:.3e}" in last
    assert (summary["problem"], summary["seed"], summary["steps"]) == ("poisson_1d", 2, 3)
    assert len(read_csv(out / "history.csv")["step"]) == 4
    checkpoint.load(out / "model.safetensors")


def test_train_says_what_the_run_amounts_to(command):
    code, stdout, stderr = command("train", "poisson_1d", "--steps", "3", "--quiet")
    assert (code, stderr) == (0, "")
    lines = stdout.splitlines()
    assert lines[0].startswith("out of time: steps reached after 3 steps, loss ")
    number = r"\d\.\d{3}e[+-]\d\d"
    assert re.fullmatch(rf"loss of interior: {number}, held out {number}", lines[1])
    assert lines[3].startswith("the loss was still falling after 3 steps: ")
    assert lines[-1].startswith("L2 error")


def test_train_takes_a_time_limit(command):
    arguments = ("train", "poisson_1d", "--method", "gd", "--seconds", "0.2", "--quiet")
    code, stdout, _ = command(*arguments)
    assert code == 0
    assert "time reached after" in stdout


def test_train_passes_method_and_cutoff_on(command, tmp_path):
    arguments = ("--steps", "2", "--method", "engd", "--cutoff", "1e-3", "--out", str(tmp_path))
    code, _, stderr = command("train", "poisson_1d", *arguments)
    assert code == 0
    assert "step 2  loss" in stderr
    history = read_csv(tmp_path / "history.csv")
    assert history["cutoff"][1:].tolist() == [1e-3, 1e-3]
    assert json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))["method"] == "engd"


def test_list_names_every_problem_and_method(command):
    code, stdout, stderr = command("list")
    assert (code, stderr) == (0, "")
    words = set(re.findall(r"\w+", stdout))
    assert set(problems.names()) <= words
    assert set(methods.names()) <= words


def test_info_tells_versions(command):
    code, stdout, stderr = command("info")
    assert (code, stderr) == (0, "")
    assert "torch: " in stdout
    assert "lapack: " in stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "cheese"], "cheese"),
        (["train", "heat", "--method", "sgd"], "unknown method 'sgd'"),
        (["train", "heat", "--steps", "0"], "steps"),
        (["train", "heat", "--cutoff", "-1", "--method", "anagram"], "cutoff"),
        (["train", "heat", "--cutoff", "1e-3", "--method", "adam"], "cutoff"),
        (["train", "heat", "--device", "abacus"], "abacus"),
        (["train", "heat", "--device", "cuda"], "cuda"),
        (["train", "heat", "--out", __file__], "out must be a folder"),
        (["compare", "heat", "--methods", "gd,sgd", "--out", "never"], "unknown method 'sgd'"),
        (["compare", "heat", "--methods", "gd,gd", "--out", "never"], "must all differ"),
        (
            ["compare", "heat", "--methods", "gd", "--seeds", "0-9999999999", "--out", "never"],
            "at most",
        ),
        (["compare", "heat", "--methods", "gd", "--seeds", "4-0", "--out", "never"], "seeds"),
    ],
)
@pytest.mark.usefixtures("no_cuda")
def test_wrong_values_are_one_line_on_stderr_and_exit_code_2(
    command, arguments, message, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    code, stdout, stderr = command(*arguments)
    assert code == 2
    assert stdout == ""
    assert stderr.startswith("error: ")
    assert stderr.count("\n") == 1
    assert message in stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments", [["train"], ["train", "heat", "--steps", "many"], ["fly"], ["train", "--wings"]]
)
def test_wrong_usage_has_no_traceback_and_exit_code_2(command, arguments):
    code, stdout, stderr = command(*arguments)
    assert code == 2
    assert stdout == ""
    assert "Error" in stderr
    assert "Traceback" not in stderr


def test_python_dash_m_runs_the_same_command():
    done = subprocess.run(
        [sys.executable, "-m", "anagram_ext", "list"], capture_output=True, text=True, check=True
    )
    assert "heat" in done.stdout
    assert done.stderr == ""


def test_a_run_that_breaks_down_is_written_and_exits_with_1(command, tmp_path, monkeypatch):
    original, calls = PdeSystem.linearise, []

    def breaking(self, theta, *rest):
        calls.append(1)
        if len(calls) == 3:
            raise NonFiniteError("condition 'interior': residual is not finite at x=0.5")
        return original(self, theta, *rest)

    monkeypatch.setattr(PdeSystem, "linearise", breaking)
    arguments = ("--method", "anagram", "--quiet", "--out", str(tmp_path))
    code, stdout, stderr = command("train", "poisson_1d", *arguments)
    assert code == 1
    assert stdout.splitlines()[-1].startswith("L2 error")
    assert stderr == "error: not finite: condition 'interior': residual is not finite at x=0.5\n"
    assert read_csv(tmp_path / "history.csv")["step"].tolist() == [0, 1, 2]


def test_ctrl_c_before_the_first_step_exits_with_130(command, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(problems, "get", interrupted)
    code, stdout, _ = command("train", "poisson_1d")
    assert (code, stdout) == (130, "")


@pytest.mark.parametrize(
    ("text", "seeds"), [("3", [3]), ("0-4", [0, 1, 2, 3, 4]), ("0,2, 5-6", [0, 2, 5, 6])]
)
def test_seeds(text, seeds):
    assert cli.parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "a", "1-", "-1", "3-1", "1,,2", "1.5"])
def test_bad_seeds(text):
    with pytest.raises(ValueError, match="seeds must look like"):
        cli.parse_seeds(text)


def test_a_full_gpu_is_one_line_on_stderr(command, monkeypatch):
    def full(*_):
        raise OutOfMemoryError("out of device memory: needed 9 MiB,\nfree 3 MiB")

    monkeypatch.setattr(PdeSystem, "linearise", full)
    code, stdout, stderr = command("train", "poisson_1d", "--method", "anagram", "--quiet")
    assert (code, stdout) == (2, "")
    assert stderr == "error: out of device memory: needed 9 MiB, free 3 MiB\n"


def test_a_figure_that_fails_is_one_line_on_stderr(command, monkeypatch, tmp_path):
    def full_disk(*_):
        raise OSError("no space left\non device")

    monkeypatch.setattr(canvas, "write", full_disk)
    arguments = ("--steps", "2", "--quiet", "--out", str(tmp_path))
    code, stdout, stderr = command("train", "poisson_1d", *arguments)
    assert code == 0
    assert stdout.splitlines()[-1].startswith("L2 error")
    for line, name in zip(stderr.splitlines(), ("convergence", "solution"), strict=True):
        assert line == f"warning: {name}.png was not drawn: OSError: no space left on device"
    assert (tmp_path / "summary.json").exists()
