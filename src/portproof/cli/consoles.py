"""The two streams: answers on standard output, everything for people on standard error.

Without markup and emoji: a banner with `[/red]` or `:boom:` in it is text, not an instruction.
"""

from __future__ import annotations

import os
import sys

from rich.console import Console


class Patient(Console):
    """A console whose reader may go (`| head`): the rest goes nowhere, and the command goes on."""

    def on_broken_pipe(self) -> None:
        """Send what is still said nowhere; rich would end the process with the code of findings."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def write(self, text: str) -> None:
        """Write machine output as it is: unwrapped, uncoloured, one line end at its end."""
        try:
            self.file.write(text if text.endswith("\n") else f"{text}\n")
            self.file.flush()
        except BrokenPipeError:
            self.on_broken_pipe()


def out() -> Patient:
    """Standard output; colour only on a terminal, and never with NO_COLOR."""
    return Patient(highlight=False, markup=False, emoji=False)


def err() -> Console:
    """Standard error: progress, where things are, what happened."""
    return Console(stderr=True, highlight=False, markup=False, emoji=False)
