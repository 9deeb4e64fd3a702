"""The documentation names every public thing and every example, and its programs run."""

from __future__ import annotations

import importlib
import inspect
import re
import warnings
from pathlib import Path

import pytest

import anagram_ext as ax
from pretend_cuda import pretended_gpu

ROOT = Path(__file__).parents[1]
API = (ROOT / "docs" / "api" / "index.rst").read_text(encoding="utf-8")
HEADER = (ROOT / "examples" / "GALLERY_HEADER.txt").read_text(encoding="utf-8")


def entries() -> list[str]:
    """All names in the tables of the API reference, with their modules."""
    found, module, inside = [], "", False
    for line in API.splitlines():
        if line.startswith(".. "):
            inside = line.startswith(".. autosummary::")
            if line.startswith(".. currentmodule:: "):
                module = line.split()[-1]
        elif line and not line.startswith(" "):
            inside = False
        elif inside and re.fullmatch(r"   [\w.]+", line):
            found.append(f"{module}.{line.strip()}")
    return found


def resolved(name: str) -> object:
    parts = name.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for part in parts[cut:]:
            found = getattr(found, part)
        return found
    raise AssertionError(name)


def public() -> set[str]:
    """All public names but modules and constants, which the text speaks of."""
    names = {f"anagram_ext.{name}" for name in ax.__all__}
    for module in (ax.analysis, ax.figures, ax.methods):
        names |= {f"{module.__name__}.{name}" for name in module.__all__}
    names |= {f"anagram_ext.problems.{name}" for name in (*ax.problems.names(), "names", "get")}
    return {name for name in names if callable(resolved(name))}


def test_every_public_name_is_in_the_reference() -> None:
    missing = public() - set(entries())
    assert not missing, f"add to docs/api/index.rst: {sorted(missing)}"


def test_every_method_and_its_class_is_in_the_reference() -> None:
    for name in ax.methods.names():
        assert f"``{name}``" in API, name
        factory = ax.methods.get(name)
        kind = getattr(factory, "func", factory)
        assert f"{kind.__module__}.{kind.__qualname__}" in entries(), name


def test_every_entry_of_the_reference_exists_and_is_documented() -> None:
    assert len(entries()) == len(set(entries())) > 50
    for name in entries():
        assert inspect.getdoc(resolved(name)), name


def is_page(text: str) -> bool:
    """Whether a program is a page of the gallery (docs/conf.py says the same)."""
    return re.match(r'r?"""\n.+\n=+\n', text) is not None


def test_every_example_is_on_the_site() -> None:
    examples = sorted((ROOT / "examples").glob("*.py"))
    assert examples
    for path in examples:
        page, listed = is_page(path.read_text(encoding="utf-8")), f"`{path.name} <" in HEADER
        assert page != listed, f"{path.name}: a page, or a program named in GALLERY_HEADER.txt"
    for name in re.findall(r"`(\w+\.py) <", HEADER):
        assert (ROOT / "examples" / name).exists(), name


def pages_of_the_repository() -> list[Path]:
    """All pages of Markdown but those that building the documentation makes."""
    folders = (ROOT / "docs", ROOT / "benchmarks", ROOT / "examples", ROOT / ".github")
    pages = [*ROOT.glob("*.md"), *(page for folder in folders for page in folder.rglob("*.md"))]
    pages = [page for page in pages if not {"_build", "gallery", "repository"} & set(page.parts)]
    assert len(pages) > 10
    return pages


def test_names_that_pages_and_programs_speak_of_exist() -> None:
    decisions = ROOT / "docs" / "adr"  # speak of what was decided against, too
    pages = [page for page in pages_of_the_repository() if decisions not in page.parents]
    folders = (ROOT / "anagram_ext", ROOT / "benchmarks", ROOT / "examples")
    for page in (*pages, *(file for folder in folders for file in folder.rglob("*.py"))):
        text = page.read_text(encoding="utf-8")
        for name in set(re.findall(r"(?<![\w.])ax((?:\.[A-Za-z_]\w*)+)", text)):
            assert resolved(f"anagram_ext{name}") is not None, f"{page.name}: ax{name}"


def test_files_that_pages_speak_of_exist() -> None:
    roots = [ROOT, *(ROOT / name for name in ("anagram_ext", "csrc", "benchmarks"))]
    for page in pages_of_the_repository():
        text = page.read_text(encoding="utf-8")
        for name in set(re.findall(r"`([\w./]+/[\w.]+\.(?:py|[hc]pp|cuh?|sh|md|npz|txt))`", text)):
            places = (*roots, ROOT / "anagram_ext" / "problems", page.parent)
            found = any((place / name).exists() for place in places)
            assert found or Path(name).stem == "NAME", f"{page.name}: {name}"


def test_links_between_pages_lead_somewhere() -> None:
    for page in pages_of_the_repository():
        text = page.read_text(encoding="utf-8")
        text = re.sub(r"\$\$.*?\$\$|\$[^$]+\$", "", text, flags=re.DOTALL)  # f[x](y) is no link
        for target in re.findall(r"\]\((?!\w+:|#)([^)#\s]+)", text):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def programs(page: Path) -> list[str]:
    """The Python blocks of a page."""
    text = page.read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def run_page(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """The names that the Python blocks of a page leave, run in their order in an empty folder."""
    blocks = programs(ROOT / "docs" / f"{name}.md")
    assert blocks
    monkeypatch.chdir(folder)
    names: dict[str, object] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # verdicts are what some pages are about
        for block in blocks:
            exec(compile(block, f"{name}.md", "exec"), names)
    return names


def test_every_page_with_programs_is_run() -> None:
    here = Path(__file__).read_text(encoding="utf-8")
    elsewhere = {
        "README.md": "tests/test_readme.py",
        "docs/geometry.md": "tests/geometry/test_documentation.py",
        "docs/least_squares.md": "tests/training/test_least_squares.py",
        **{
            page.relative_to(ROOT).as_posix(): "tests/test_recipes.py"
            for page in (ROOT / "docs" / "recipes").glob("*.md")
        },
    }
    assert all((ROOT / test).exists() for test in elsewhere.values())
    for page in pages_of_the_repository():
        name = page.relative_to(ROOT).as_posix()
        if "```python" in page.read_text(encoding="utf-8") and name not in elsewhere:
            asked = f'run_page("{name.removeprefix("docs/").removesuffix(".md")}", '
            assert asked in here, f"{name}: no test runs its programs"


def test_index(tmp_path, monkeypatch):
    run = run_page("index", tmp_path, monkeypatch)["run"]
    assert run.verdict is ax.Verdict.SOLVED


def test_analysis(tmp_path, monkeypatch):
    names = run_page("analysis", tmp_path, monkeypatch)
    assert names["run"].l2_error < 1e-6
    for figure in ("nntk.png", "spectrum.png"):
        assert (tmp_path / figure).stat().st_size > 0
    space, t = names["space"], names["t"][:, 0]
    assert space.rank == 2
    assert (space.project(t) - t).abs().max() < 1e-12


def test_uncertainty(tmp_path, monkeypatch):
    names = run_page("uncertainty", tmp_path, monkeypatch)
    t, slope = names["t"][:, 0], names["sure"]["slope"]
    spread = float((t - t.mean()).square().sum())
    assert slope.std == pytest.approx(0.01 / spread**0.5, rel=1e-9)  # of a regression line
    assert abs(slope.value - 2) < 4 * slope.std
    assert names["sure"].unidentified() == []


def test_verdicts(tmp_path, monkeypatch):
    run = run_page("verdicts", tmp_path, monkeypatch)["run"]
    assert run.verdict is ax.Verdict.SOLVED
    assert run.warning is None


def test_problems(tmp_path, monkeypatch):
    names = run_page("problems", tmp_path, monkeypatch)
    assert names["problem"].name == "burgers"


def test_gpu(tmp_path, monkeypatch):
    with pretended_gpu():
        names = run_page("gpu", tmp_path, monkeypatch)
        assert names["theta"].device.type == names["run"].theta.device.type == "cuda"
    assert names["run"].steps == 10


def test_quickstart(tmp_path, monkeypatch):
    names = run_page("guide/quickstart", tmp_path, monkeypatch)
    assert names["run"].held_out_loss < 1e-6
    assert names["u"].shape == (25, 1)
    assert names["slopes"]["xx"].shape == (25, 1)
    assert (tmp_path / "convergence.png").exists()


def test_choosing(tmp_path, monkeypatch):
    names = run_page("guide/choosing", tmp_path, monkeypatch)
    assert names["inside"].n_points == 3000
    errors = {name: run.l2_error for name, run in names["runs"].items()}
    assert errors["natural_lm"] < 1e-3
    assert errors["adam"] > 10 * errors["natural_lm"]


@pytest.mark.slow
def test_recipes(tmp_path, monkeypatch):
    names = run_page("guide/recipes", tmp_path, monkeypatch)
    nu = names["nu"]
    assert nu.interval[0] < 0.25 < nu.interval[1]
    assert nu.std < 0.01
    assert names["k_error"] < 1e-5
    walls = ax.Box(t=(0, 1), x=(0, 1)).faces("x").grid(9)
    run = names["run"]
    assert run.model(run.theta, walls).abs().max() < 1e-12
    assert names["family_run"].l2_error < 1e-4
    assert names["march"].l2_error < 1e-6
    assert names["ring_run"].l2_error < 1e-4
    assert names["mean_run"].l2_error < 1e-8
    glass, wall_run = names["glass"].grid(7), names["wall_run"]
    flux = (50 * 0.75 + 12.5 / 400) / (0.5 / 400 + 0.5)  # at x = 0; -50 (x^2 - 1) + flux (x - 1)
    exact = -50 * (glass[:, 0] ** 2 - 1) + flux * (glass[:, 0] - 1)
    assert (wall_run.model(wall_run.theta, glass)[:, 1] - exact).abs().max() < 1e-6
    assert names["front_run"].l2_error < 1e-3
    flow = names["flow"]
    points = ax.Box(x=(0, 1), y=(0, 1)).grid(3)
    named = ax.Model(flow.networks, outputs=flow.outputs, coordinates=("x", "y"))
    jet = named.jet(named.init(0), points, ("x", "y"))
    assert (jet["x"][:, 0] + jet["y"][:, 1]).abs().max() < 1e-12
    assert names["plate_run"].l2_error < 1e-4
    assert names["plate_run"].verdict is ax.Verdict.SOLVED
    assert names["line_fit"].weight.item() == pytest.approx(3)


def test_runs(tmp_path, monkeypatch):
    names = run_page("guide/runs", tmp_path, monkeypatch)
    assert names["run"].stop_reason == "ended by a callback: good enough"
    assert names["seen"][-1] == names["run"].loss < 1e-6
    assert names["long"].steps == names["saved"].summary["steps"] == 40
    assert names["long"].l2_error < 1e-5
    assert names["u"].shape == names["slope"].shape == (25, 1)
    assert len(list((tmp_path / "runs" / "rod" / "board").iterdir())) == 1
    assert {path.name for path in (tmp_path / "runs" / "rod").iterdir()} - {"board"} == {
        "history.csv",
        "model.safetensors",
        "state.pt",
        "summary.json",
        "convergence.png",
        "solution.png",
    }
    for figure in ("rod.png", "again.png"):
        assert (tmp_path / figure).stat().st_size > 0


def test_small_loss(tmp_path, monkeypatch):
    names = run_page("guide/small_loss", tmp_path, monkeypatch)
    few, many = names["few"], names["many"]
    assert few.loss < 1e-20
    assert few.l2_error > 0.02
    assert few.verdict is ax.Verdict.OVERFITTED
    assert many.verdict is ax.Verdict.SOLVED
    assert many.l2_error < 1e-4


def test_questions(tmp_path, monkeypatch):
    errors = run_page("guide/questions", tmp_path, monkeypatch)["errors"]
    assert max(errors.values()) < 1e-5
