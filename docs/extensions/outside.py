"""Pages that lie elsewhere in the repository, on the site; links between both work on GitHub, too.

A page outside ``docs`` that is named in ``outside_pages`` is copied to ``docs/repository`` with its
pictures. Relative links in every page then lead to where their targets are on the site: a page of
the site, that of an example in the gallery, or a file to download.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

DOCS = Path(__file__).resolve().parents[1]
ROOT = DOCS.parent
COPIES = DOCS / "repository"
GALLERY = DOCS / "gallery"

_LINK = re.compile(r"\]\((?!\w+:|#|/)([^)#\s]+)(#[^)\s]*)?\)")


def on_site(target: Path) -> Path:
    """Where a file of the repository is on the site; itself when it is no page."""
    if target.parent == ROOT / "examples":
        page = GALLERY / ("index.rst" if target.suffix == ".md" else f"{target.stem}.rst")
    elif ROOT in target.parents:
        page = COPIES / target.relative_to(ROOT)
    else:
        return target
    return page if page.exists() else target


def rewritten(text: str, page: Path, original: Path) -> str:
    """The text with its relative links as seen from ``page``; it was written as ``original``."""

    def moved(found: re.Match[str]) -> str:
        target = (original.parent / found[1]).resolve()
        if not target.exists():  # f[x](y) in a formula
            return found[0]
        return f"]({os.path.relpath(on_site(target), page.parent)}{found[2] or ''})"

    return _LINK.sub(moved, text)


def copy_pages(app: Sphinx) -> None:
    """Copies the pages, and the pictures that lie beside them."""
    shutil.rmtree(COPIES, ignore_errors=True)
    for pattern in app.config.outside_pages:
        for page in sorted(ROOT.glob(pattern)):
            target = COPIES / page.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            text = page.read_text(encoding="utf-8")
            title = "" if text.startswith("# ") else f"# {page.stem}\n\n"  # a bare table
            target.write_text(title + text, encoding="utf-8")
            for picture in page.parent.glob("*.png"):
                shutil.copy2(picture, target.parent)


def rewrite_links(app: Sphinx, name: str, source: list[str]) -> None:
    """Makes the links of one page those of the site."""
    page = Path(app.env.doc2path(name))
    if page.suffix != ".md":
        return
    copied = COPIES in page.parents
    original = ROOT / page.relative_to(COPIES) if copied else page
    source[0] = rewritten(source[0], page, original)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_config_value("outside_pages", [], "env")
    app.connect("builder-inited", copy_pages, priority=100)  # before autosummary and the gallery
    app.connect("source-read", rewrite_links)
    return {"parallel_read_safe": True}
