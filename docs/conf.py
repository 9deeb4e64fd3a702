"""How the documentation is built: ``sphinx-build -W docs docs/_build``."""

from __future__ import annotations

import sys
from pathlib import Path

import anagram_ext

sys.path.insert(0, str(Path(__file__).parent))

project = "anagram_ext"
author = "anagram_ext developers"
version = release = anagram_ext.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "gallery/*.py", "sg_execution_times.rst"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3

html_theme = "pydata_sphinx_theme"
html_title = "anagram_ext"
html_theme_options = {"show_toc_level": 2, "navigation_with_keys": False}
html_show_sourcelink = False

autosummary_generate = True
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # docstrings give kinds and shapes
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # attributes of dataclasses are described once, in the class

nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(torch|numpy|np|collections|typing|pathlib)\..*"),
    ("py:.*", r"(Tensor|Path|Any|Callable|Sequence|Mapping|Iterable|optional|T)"),
]

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"/.*\.py",
    "ignore_pattern": r"__init__\.py",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "min_reported_time": 1,
    "remove_config_comments": True,
    "show_memory": False,
    "plot_gallery": True,
}
