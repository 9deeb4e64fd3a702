"""Ctrl-C: at once while a run goes, later while what it found is written."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType


class CtrlC:
    """A block within which Ctrl-C can be put off.

    Up to ``hold`` Ctrl-C raises KeyboardInterrupt as ever; from then on to the end of the block
    it is only remembered. Where Ctrl-C means something else (another handler, an ignored signal,
    another thread than the main one) nothing changes.

    Attributes:
        pressed: whether Ctrl-C came while it was put off.
    """

    def __init__(self) -> None:
        self.pressed = False
        self._held = False
        self._ours = False

    def __enter__(self) -> CtrlC:
        in_main = threading.current_thread() is threading.main_thread()
        if in_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._handle)
            self._ours = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def hold(self) -> None:
        """From now on Ctrl-C waits."""
        self._held = True

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if not self._held:
            signal.default_int_handler(number, frame)
        self.pressed = True
