"""How the documentation is built: ``sphinx-build -W -n docs docs/_build``."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import anagram_ext

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "extensions"))

project = "anagram_ext"
author = "anagram_ext developers"
version = release = anagram_ext.__version__

extensions = [
    "myst_parser",
    "outside",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx-mathjax-offline",
    "sphinx.ext.napoleon",
    "sphinx_gallery.gen_gallery",
    "sphinxcontrib.mermaid",
]
templates_path = ["templates"]
exclude_patterns = [
    "_build",
    "templates",
    "gallery/*.ipynb",
    "gallery/*.py",
    "sg_execution_times.rst",
]
outside_pages = [
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "RELEASING.md",
    "SECURITY.md",
    "benchmarks/README.md",
    "benchmarks/results/*.md",
    "benchmarks/results/suite/*.md",
]

myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_fence_as_directive = ["mermaid"]
myst_heading_anchors = 3

html_theme = "pydata_sphinx_theme"
html_title = "anagram_ext"
html_theme_options = {"show_toc_level": 2, "navigation_with_keys": False}
html_show_sourcelink = False
html_static_path = ["static"]
html_css_files = ["site.css"]

autosummary_generate = True
autodoc_member_order = "bysource"
autoclass_content = "both"  # constructors whose arguments are no attributes describe them
autodoc_typehints = "none"  # docstrings give kinds and shapes
napoleon_numpy_docstring = False
napoleon_attr_annotations = False
napoleon_use_rtype = False
napoleon_use_ivar = True  # attributes of dataclasses are described once, in the class

nitpicky = True


def _is_page(example: Path) -> bool:
    """Whether a program is a page of the gallery: its docstring begins with a heading."""
    return re.match(r'r?"""\n.+\n=+\n', example.read_text(encoding="utf-8")) is not None


EXAMPLES = HERE.parent / "examples"
programs = [path.name for path in sorted(EXAMPLES.glob("*.py")) if not _is_page(path)]
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",
    "ignore_pattern": "|".join(rf"^{re.escape(name)}$" for name in programs),
    "abort_on_example_error": True,
    "download_all_examples": False,
    "min_reported_time": 1,
    "remove_config_comments": True,
    "show_memory": False,
    "within_subsection_order": "FileNameSortKey",
}


def _property_text_is_text(app, what, name, obj, options, lines):  # noqa: PLR0917 -- Sphinx calls it
    """Undoes that napoleon takes ``P: weights and biases`` in a property for a kind ``P``."""
    del app, name, obj, options
    for i, line in enumerate(lines):
        if what == "property" and line.startswith(":type: "):
            lines[0] = f"{line.removeprefix(':type: ')}: {lines[0]}"
            lines[i] = ""


def setup(app):
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", _property_text_is_text, priority=900)
