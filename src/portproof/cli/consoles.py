"""The two streams: answers on standard output, everything for people on standard error.

Without markup and emoji: a banner with `[/red]` or `:boom:` in it is text, not an instruction.
"""

from __future__ import annotations

from rich.console import Console


def out() -> Console:
    """Standard output; colour only on a terminal, and never with NO_COLOR."""
    return Console(highlight=False, markup=False, emoji=False)


def err() -> Console:
    """Standard error: progress, where things are, what happened."""
    return Console(stderr=True, highlight=False, markup=False, emoji=False)
