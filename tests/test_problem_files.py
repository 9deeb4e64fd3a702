"""Problems of a user's own, from a template to a trained network."""

from __future__ import annotations

import pytest
from matplotlib.image import imread
from typer.testing import CliRunner

import anagram_ext as ax
from anagram_ext import load
from anagram_ext.cli import app, main
from anagram_ext.problem_files import errors_in, problem_named, write_template


def run(*arguments):
    return CliRunner().invoke(app, [*map(str, arguments)])


def test_the_template_trains_as_it_stands(tmp_path):
    path = tmp_path / "my_pde.py"
    assert run("new", path).exit_code == 0
    assert 20 <= len(path.read_text().splitlines()) <= 35
    result = run("train", path, "--steps", 15, "--quiet", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "L2 error" in result.output
    assert (tmp_path / "out" / "solution.png").is_file()
    shown = run("show", tmp_path / "out")
    assert "my_pde" in shown.output
    assert "loss" in shown.output


def test_settings_change_the_network(tmp_path):
    path = tmp_path / "my_pde.py"
    write_template(path)
    problem = problem_named(str(path), ["widths=2-7-5-1", "activation=sin"])
    assert problem.model.widths == (2, 7, 5, 1)
    assert problem.model.activation == "sin"
    assert problem_named("heat", ["widths=2-9-1"]).model.widths == (2, 9, 1)


@pytest.mark.parametrize(
    ("text", "settings", "message"),
    [
        ("", [], "must define problem"),
        ("problem = 3", [], "got 3"),
        ("1 / 0", [], "ZeroDivisionError"),
        (None, ["widths=ab"], "--set must be"),
        (None, ["widths=3-4-1"], "2 inputs"),
        (None, ["activation=relu"], "activation must be one of"),
    ],
)
def test_files_that_make_no_sense_are_refused(tmp_path, text, settings, message):
    path = tmp_path / "my_pde.py"
    write_template(path)
    if text is not None:
        path.write_text(text)
    with pytest.raises(ValueError, match=message):
        problem_named(str(path), settings)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("u - torch.sin(", "u - np.sin(", "line 18: NameError: name 'np' is not defined"),
        ("torch.pi * x.x), s", "torch.pi * x.y), s", "line 18: AttributeError: condition 'start'"),
        ('u.d("t") - 0.1', "u.t - 0.1", "line 16: AttributeError: condition 'equation'"),
        ("lambda u, x: u, s", "lambda u: u, s", "my_pde.py: TypeError: condition 'walls'"),
        ('lambda u, x: u.d("t")', "lambda u, x: numpy.sin(u)", "torch.sin"),
        ('lambda u, x: u.d("t")', 'lambda u, x: numpy.sin(u.d("t"))', "torch.sin"),
        ('0.1 * u.d("xx")', 'u.d("yy")', "'y' is none of the coordinates"),
        ("solution=lambda x: ", "solution=lambda x: 1 / 0 + ", "line 23: ZeroDivisionError"),
        ("square = ax", "square = ay", "line 8, broke down: NameError: name 'ay'"),
    ],
)  # fmt: skip
def test_what_a_file_does_wrong_is_one_line(tmp_path, monkeypatch, capsys, old, new, message):
    path = tmp_path / "my_pde.py"
    write_template(path)
    text = path.read_text().replace(old, new, 1)
    assert new in text
    # Line numbers stay: behind the first import, in its line.
    path.write_text(text.replace("import torch", "import torch; import numpy", 1))
    monkeypatch.setattr("sys.argv", ["anagram-ext", "train", str(path), "--steps", "1", "--quiet"])
    with pytest.raises(SystemExit) as end:
        main()
    error = capsys.readouterr().err
    assert end.value.code == 2
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert message in error


def test_errors_that_are_not_of_the_file_are_not_said_to_be(tmp_path):
    path = str(tmp_path / "my_pde.py")
    with pytest.raises(TypeError, match=r"^inside$"), errors_in(path):
        raise TypeError("inside")


def test_what_is_not_there_is_said_with_what_to_do(tmp_path):
    for arguments, message in (
        (("train", tmp_path / "no.py"), "write one: anagram-ext new"),
        (("train", "heta"), "a file that ends in .py or one of laplace_2d, heat"),
        (("show", tmp_path / "none"), "which is not there"),
    ):
        assert message in str(run(*arguments).exception)


def test_a_missing_condition_is_asked_for(tmp_path):
    path = tmp_path / "my_pde.py"
    write_template(path)
    lines = path.read_text().splitlines()
    start = next(k for k, line in enumerate(lines) if '"start"' in line)
    path.write_text("\n".join(lines[:start] + lines[start + 3 :]))
    with pytest.warns(ax.TrainingWarning):
        output = run("train", path, "--quiet", "--set", "widths=2-16-1").output
    said = " ".join(output.split())
    assert "solved" not in said
    assert "add the condition that is missing: lines along t" in said
    assert "such as at t = 0" in said


def test_a_template_replaces_nothing(tmp_path):
    path = tmp_path / "my_pde.py"
    path.write_text("x = 1")
    with pytest.raises(ValueError, match="must not exist"):
        write_template(path)
    with pytest.raises(ValueError, match=r"\.py"):
        write_template(tmp_path / "my_pde.txt")
    with pytest.raises(ValueError, match="or a file"):
        problem_named(str(tmp_path / "nothing.py"), [])


HARD = """
import torch
import anagram_ext as ax

rod = ax.Box(x=(0, 1))
problem = ax.Problem(
    ("x",),
    ("u",),
    {"pde": ax.Condition(lambda u, x: u.d("xx") + 1, rod.sobol(20))},
    solution=lambda x: x.x * (1 - x.x) / 2,
    model=ax.Model(ax.MLP([1, 6, 1]), outputs=lambda u, x: x.x * (1 - x.x) * u),
)
"""


def compare(path, out, *arguments, seeds="1"):
    names = ("--methods", "natural_lm,gd", "--seeds", seeds)
    return run("compare", path, *names, "--out", out, "--quiet", *arguments)


def test_methods_are_compared_on_a_problem_of_ones_own_with_another_network(tmp_path):
    path, out = tmp_path / "my_pde.py", tmp_path / "out"
    write_template(path)
    result = compare(path, out, "--steps", 2, "--set", "widths=2-6-6-1", seeds="0-1")
    assert result.exit_code == 0, result.output
    table = (out / "comparison.md").read_text(encoding="utf-8")
    assert result.output.endswith(table)
    assert [line.split(" | ")[:2] for line in table.splitlines()[2:]] == [
        ["| natural_lm", "2"],
        ["| gd", "2"],
    ]
    for method in ("natural_lm", "gd"):
        for seed in (0, 1):
            saved = load(out / method / f"seed_{seed}")
            assert saved.model.widths == (2, 6, 6, 1)
            assert (saved.summary["seed"], saved.summary["steps"]) == (seed, 2)


def test_a_comparison_goes_on_where_it_was_and_may_be_limited_in_time(tmp_path):
    path, out = tmp_path / "hard.py", tmp_path / "out"
    path.write_text(HARD, encoding="utf-8")
    assert compare(path, out, "--steps", 2).exit_code == 0
    first = load(out / "natural_lm" / "seed_1").history["seconds"]
    assert compare(path, out, "--steps", 4, "--resume").exit_code == 0
    both = load(out / "natural_lm" / "seed_1").history
    assert both["step"].tolist() == [0, 1, 2, 3, 4]
    assert both["seconds"][:3].tolist() == first.tolist()  # not computed again
    assert load(out / "gd" / "seed_1").summary["steps"] == 4
    assert compare(path, out, "--seconds", 1e-9).exit_code == 0
    assert load(out / "gd" / "seed_1").summary["stop_reason"] == "time reached"


def test_a_run_goes_on_where_it_was(tmp_path):
    path, out = tmp_path / "hard.py", tmp_path / "out"
    path.write_text(HARD, encoding="utf-8")
    common = ("train", path, "--quiet", "--out", out)
    assert run(*common, "--steps", 3).exit_code == 0
    first = load(out).history["seconds"]
    assert run(*common, "--steps", 5, "--resume").exit_code == 0
    both = load(out).history
    assert both["step"].tolist() == [0, 1, 2, 3, 4, 5]
    assert both["seconds"][:4].tolist() == first.tolist()
    wrong = run(*common, "--steps", 5, "--resume", "--seed", 1)
    assert "resume must go on with the same run: seed was 0" in str(wrong.exception)


def test_points_stay_as_many_as_asked_for_where_they_are_not_coupled(tmp_path):
    path = tmp_path / "redrawn.py"
    path.write_text(HARD.replace("sobol(20)", "sobol(20).redrawn()"), encoding="utf-8")
    for option, most in (("--coupled", 21), ("--no-coupled", 20)):
        run("train", path, "--quiet", "--steps", 12, "--out", tmp_path / option, option)
        rows = load(tmp_path / option).history["rows"]
        assert rows.max() >= most
        assert (rows == 20).all() == (option == "--no-coupled")


def test_a_run_is_shown_with_its_problem_in_80_columns(tmp_path):
    path, out = tmp_path / "hard.py", tmp_path / "out"
    path.write_text(HARD, encoding="utf-8")
    assert run("train", path, "--steps", 3, "--quiet", "--out", out).exit_code == 0
    shown = {}
    for arguments in ((), (path,)):
        result = run("show", out, *arguments)
        assert result.exit_code == 0, result.output
        lines = result.output.splitlines()
        told = [line for line in lines if not line.startswith("figure: ")]
        assert max(map(len, told)) <= 80
        assert f"figure: {out / 'run.png'}" in lines
        assert "problem: hard" in lines
        assert "losses:" in lines
        assert any(line.startswith("  pde: ") for line in lines)
        shown[arguments] = imread(out / "run.png").shape
    assert shown[(path,)][0] > 1.5 * shown[()][0]  # the solution below the history


def test_a_run_that_was_killed_is_shown_as_far_as_it_came(tmp_path):
    path, out = tmp_path / "hard.py", tmp_path / "out"
    path.write_text(HARD, encoding="utf-8")
    run("train", path, "--steps", 3, "--quiet", "--out", out)
    for file in ("summary.json", "solution.png", "convergence.png"):
        (out / file).unlink()
    result = run("show", out)
    assert result.exit_code == 0
    assert result.output.startswith("SavedRun(")
    assert "not finished" in result.output
    assert "3 steps" in result.output
    assert (out / "run.png").is_file()
    opened = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("typer.launch", opened.append)
        run("show", out, "--open")
    assert opened == [str(out / "run.png")]


def test_a_figure_that_fails_keeps_the_summary(tmp_path):
    path, out = tmp_path / "hard.py", tmp_path / "out"
    path.write_text(HARD, encoding="utf-8")
    run("train", path, "--steps", 3, "--quiet", "--out", out)
    result = run("show", out, "heat")  # has two coordinates
    assert result.exit_code == 0
    assert "problem: hard" in result.output
    assert "run.png was not drawn: ValueError" in result.stderr


def test_no_folder_of_a_run_is_refused(tmp_path):
    assert "folder must be that of a run" in str(run("show", tmp_path).exception)
