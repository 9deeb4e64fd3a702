"""Problems of a user's own, from a template to a trained network."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from anagram_ext.cli import app
from anagram_ext.problem_files import problem_named, write_template


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


def test_a_template_replaces_nothing(tmp_path):
    path = tmp_path / "my_pde.py"
    path.write_text("x = 1")
    with pytest.raises(ValueError, match="must not exist"):
        write_template(path)
    with pytest.raises(ValueError, match=r"\.py"):
        write_template(tmp_path / "my_pde.txt")
    with pytest.raises(ValueError, match="or a file"):
        problem_named(str(tmp_path / "nothing.py"), [])
