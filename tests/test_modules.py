"""No public function hides its module: what is imported as a module is one."""

from __future__ import annotations

import importlib
import pkgutil
import types

import anagram_ext


def test_every_module_is_reached_by_its_dotted_name():
    for found in pkgutil.walk_packages(anagram_ext.__path__, "anagram_ext."):
        if found.name.rpartition(".")[2] in ("__main__", "_core", "_cuda"):
            continue
        importlib.import_module(found.name)
        parent, _, leaf = found.name.rpartition(".")
        assert isinstance(getattr(importlib.import_module(parent), leaf), types.ModuleType)
