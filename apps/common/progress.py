"""How far a long command has come: on a terminal one line that changes, elsewhere one now and then."""

import time
from collections.abc import Callable
from typing import Any

# Seconds from one line to the next, on a terminal and where the output is kept.
_EVERY_S = {True: 0.2, False: 10.0}


class Progress:
    """`told` is called with how many are done, after each step. `end` leaves the line as it is."""

    def __init__(self, stream: Any, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._terminal = bool(getattr(stream, "isatty", lambda: False)())
        self._next = clock() + _EVERY_S[self._terminal]
        self._shown = False

    def told(self, text: str) -> None:
        if self._clock() < self._next:
            return
        self._next = self._clock() + _EVERY_S[self._terminal]
        self._shown = True
        self._stream.write(f"\r\x1b[2K{text}" if self._terminal else f"{text}\n", ending="")
        self._stream.flush()

    def end(self) -> None:
        if self._shown and self._terminal:
            self._stream.write("\n", ending="")
