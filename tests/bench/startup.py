"""How long the command line takes to say its first word, against a bare interpreter."""

from __future__ import annotations

import sys
from pathlib import Path

from comparison import Attempt, Comparison, compare, output_of

GOAL = 0.25
"""The command line may take four times as long as an interpreter that does nothing."""


def help_text(rounds: int) -> Comparison:
    """`portproof --help` against `python -c pass`."""
    program = Path(sys.executable).with_name("portproof")
    return compare(
        "start: portproof --help, python -c pass",
        silent(str(program), "--help"),
        silent(sys.executable, "-c", "pass"),
        truth="",
        goal=GOAL,
        rounds=max(rounds, 11),
    )


def silent(*command: str) -> Attempt:
    """Run a command that looks for nothing."""

    def attempt() -> str:
        output_of(command)
        return ""

    return attempt


COMPARISONS = (help_text,)
