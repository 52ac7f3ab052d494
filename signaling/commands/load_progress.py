"""How far a trial is: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from typing import Final, TextIO

from broadcaster.loadgen.crowd import Glance

WIDTH: Final = 24
PLAIN_SECONDS: Final = 10.0
BAR_SECONDS: Final = 0.25


class Progress:
    """Shows what is going on; `seconds` is how long everything should take."""

    def __init__(self, out: TextIO, terminals: int, seconds: float) -> None:
        self._out = out
        self._terminals = terminals
        self._seconds = seconds
        self._bar = out.isatty()
        self._begun = time.monotonic()
        self._shown = 0.0
        self._phase = ""

    def phase(self, words: str) -> None:
        """Begin something else."""
        self._phase = words
        self._shown = 0.0
        if not self._bar:
            self._line(words)

    def show(self, glance: Glance) -> None:
        """Show how far it is, now and then."""
        now = time.monotonic()
        if now - self._shown < (BAR_SECONDS if self._bar else PLAIN_SECONDS):
            return
        if not self._shown and not self._bar:
            self._shown = now  # the phase was just named
            return
        self._shown = now
        said = f"{glance.connected}/{self._terminals} in, {glance.failed} failed"
        if not self._bar:
            self._line(f"{self._phase}: {said}")
            return
        done = min(1.0, (now - self._begun) / self._seconds)
        full = round(done * WIDTH)
        self._out.write(f"\r\x1b[K[{'#' * full}{'.' * (WIDTH - full)}] {said}  {self._phase}")
        self._out.flush()

    def end(self) -> None:
        """Leave a clean line."""
        if self._bar:
            self._out.write("\r\x1b[K")
            self._out.flush()

    def _line(self, words: str) -> None:
        self._out.write(f"{time.monotonic() - self._begun:6.1f} s  {words}\n")
        self._out.flush()
