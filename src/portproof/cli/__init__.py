"""The commands: `portproof COMMAND`.

Each command is one file and is imported only when it is called; `portproof --help` is answered from
the table below without even loading click, so that it starts within a few bare interpreters. Machine output goes to standard output, everything for people (progress, where the report
is) to standard error or, where a table is the answer, to standard output.

Exit codes: check and audit 0 clean, 1 findings at or above --fail-on, 2 usage or configuration,
3 inconclusive or UNKNOWN on something required (3 wins over 1); diff 0 same, 1 different, 2 trouble;
baseline plan 0 nothing to review, 1 something, 2 trouble; reconcile as check;
130 interrupted (Ctrl-C, SIGTERM or the stop file).
"""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING

from portproof import __version__

if TYPE_CHECKING:
    from typing import NoReturn

EXIT_USAGE = 2
EXIT_INCONCLUSIVE = 3
EXIT_INTERRUPTED = 130

_COLLECT_EVERY = 400_000
"""Objects made between two looks for garbage in cycles, of which a command leaves hardly any: at
Python's 700, a tenth of a start and of a sweep goes by with looking."""

ABOUT = "Prove, with evidence, that only approved ports are reachable."

# In the order of a user's first day; the text is what --help shows.
COMMANDS = {
    "init": "Write a first set of documents for your own network.",
    "audit": "Scan, judge against the baseline, and write the evidence report.",
    "scan": "Scan authorised targets and keep what was seen.",
    "resume": "Go on with an interrupted run where it stopped.",
    "import": "Take in runs that vantages have packed with `scan --out`.",
    "check": "Judge a stored run against the baseline.",
    "baseline": "Check, format and manage the register of approved services.",
    "rules": "Check and try rules of your own, written in CEL.",
    "report": "Write a stored run's report, or draw an evidence.json again.",
    "diff": "Compare two runs: exit 0 same, 1 different, 2 not comparable.",
    "reconcile": "Join a run with listening sockets and firewall rules.",
    "findings": "List findings, tell the life of one, say what is done.",
    "waivers": "List waivers and approvals that end soon or match nothing.",
    "tickets": "Open and follow tickets of findings, list what has none.",
    "probe": "Ask one endpoint, now.",
    "runs": "List the stored runs.",
    "sources": "Ask the places where targets are listed, and show what is known.",
    "segmentation": "Test and show which zone reaches which, against which may.",
    "sink": "Listen beyond a boundary, and write down what arrives.",
    "egress": "Try what gets out from here to our own sink.",
    "evidence": "Show the raw record that a claim leads to.",
    "source-sheet": "Say where probes come from, for those who watch the IDS.",
    "whose-probe": "Say whether a probe was ours: exit 0 yes, 1 by no run here.",
    "keys": "Make or show the key that a vantage signs its packs with.",
    "doctor": "Say what this machine can do, and what to do about the rest.",
    "db": "Upgrade the database, or show its version.",
    "demo": "Audit this machine with two demonstration servers.",
}

_HELP = f"""\
Usage: portproof [OPTIONS] COMMAND [ARGS]...

  {ABOUT}

Options:
  --version   Show the version and exit.
  -h, --help  Show this message and exit.

Commands:
"""
_NAME_WIDTH = max(map(len, COMMANDS))


def main() -> NoReturn:
    """Run the command line and exit with its code; every mistake is one clear line."""
    match sys.argv[1:]:
        case [] | ["-h"] | ["--help"]:
            sys.stdout.write(help_text())
            sys.exit(0 if sys.argv[1:] else EXIT_USAGE)
        case ["--version"]:
            sys.stdout.write(f"portproof, version {__version__}\n")
            sys.exit(0)
        case _:
            collect_seldom()
            try:
                from portproof.cli.group import run  # noqa: PLC0415 - see the package docstring
            except KeyboardInterrupt:
                sys.exit(EXIT_INTERRUPTED)
            leave(run())


def collect_seldom() -> None:
    """Have this process look for garbage in cycles as seldom as a command needs it."""
    gc.set_threshold(_COLLECT_EVERY)


def leave(code: int) -> NoReturn:
    """End this process without the interpreter's last look through all that is there."""
    gc.freeze()
    sys.exit(code)


def help_text() -> str:
    """Give what `portproof --help` says; a test holds it against click's own text."""
    listed = (f"  {name:<{_NAME_WIDTH}}  {text}\n" for name, text in COMMANDS.items())
    return _HELP + "".join(listed)
