from __future__ import annotations

import os
import signal

import pytest

from anagram_ext.training.interrupts import CtrlC


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def handler():
    """Installs a handler of SIGINT for the length of a test."""
    before = signal.getsignal(signal.SIGINT)
    yield lambda wanted: signal.signal(signal.SIGINT, wanted)
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_raises_until_it_is_put_off(handler):
    handler(signal.default_int_handler)
    with CtrlC() as ctrl_c:
        with pytest.raises(KeyboardInterrupt):
            press()
        assert not ctrl_c.pressed
        ctrl_c.hold()
        press()
        assert ctrl_c.pressed
    with pytest.raises(KeyboardInterrupt):
        press()


@pytest.mark.parametrize("theirs", [signal.SIG_IGN, lambda *_: None])
def test_what_others_do_on_ctrl_c_stays(handler, theirs):
    handler(theirs)
    with CtrlC() as ctrl_c:
        assert signal.getsignal(signal.SIGINT) is theirs
        ctrl_c.hold()
        press()
    assert not ctrl_c.pressed
    assert signal.getsignal(signal.SIGINT) is theirs
