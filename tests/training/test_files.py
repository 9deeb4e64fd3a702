from __future__ import annotations

import subprocess
import sys

from anagram_ext.training.files import Lock

HOLDER = """
import sys
from pathlib import Path
from anagram_ext.training.files import Lock
lock = Lock(Path(sys.argv[1]))
print(lock.acquire(), flush=True)
sys.stdin.read()
"""


def test_one_at_a_time_and_nothing_is_left(tmp_path):
    first, second = Lock(tmp_path / ".lock"), Lock(tmp_path / ".lock")
    assert first.acquire()
    assert not second.acquire()
    first.release()
    assert second.acquire()
    second.release()
    second.release()  # nothing to give back
    assert not list(tmp_path.iterdir())


def test_a_lock_on_a_file_that_is_gone_is_none(tmp_path, monkeypatch):
    path = tmp_path / ".lock"
    holder, late = Lock(path), Lock(path)
    assert holder.acquire()
    original = type(path).open

    def open_then_lose(self, mode):
        file = original(self, mode)
        monkeypatch.undo()
        holder.release()  # the file that was just opened is removed
        return file

    monkeypatch.setattr(type(path), "open", open_then_lose)
    assert late.acquire()
    assert not Lock(path).acquire()
    late.release()


def test_a_killed_holder_holds_nothing(tmp_path):
    path = tmp_path / ".lock"
    command = [sys.executable, "-c", HOLDER, str(path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "True\n"
        assert not Lock(path).acquire()
    finally:
        process.kill()
        process.communicate(timeout=60)
    lock = Lock(path)
    assert lock.acquire()
    lock.release()
