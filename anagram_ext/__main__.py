"""``python -m anagram_ext``: the command line."""

from __future__ import annotations

from anagram_ext.cli import main

if __name__ == "__main__":
    main()
