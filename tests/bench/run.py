"""`make bench`: portproof and its peers on the same hosts, in turn, in one run.

Prints a table, writes one JSON object per comparison to `bench-out/bench.jsonl`, and ends with 1
when a goal is missed or anything was missed or invented.

    .venv/bin/python tests/bench/run.py [--rounds 5] [--only connect] [--out bench-out]

Each module listed in `MODULES` has a tuple `COMPARISONS` of functions that take the number of rounds
and give one comparison, or several that were measured together.
"""

from __future__ import annotations

import argparse
import compileall
import importlib
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))  # tests/netns.py, as pytest's `pythonpath` has it

from comparison import Comparison, write  # noqa: E402 - after the path is set

MODULES = (
    "connect",
    "syn",
    "udp",
    "banners",
    "care",
    "memory",
    "startup",
    "language",
    "rules",
    "evaluation",
)
LEAST_ROUNDS = 5
LONGEST_TEXT = 24

Compare: TypeAlias = Callable[[int], Comparison | Iterable[Comparison]]


def main() -> int:
    """Compare, print, write; the exit code says whether all goals were met."""
    options = argparse.ArgumentParser(description="Compare portproof with its peers.")
    options.add_argument(
        "--rounds",
        type=int,
        default=LEAST_ROUNDS,
        help=f"interleaved rounds each (default: {LEAST_ROUNDS})",
    )
    options.add_argument(
        "--only", metavar="NAME", default="", help="only what has this in its module or name"
    )
    options.add_argument("--out", type=Path, default=HERE.parents[1] / "bench-out")
    asked = options.parse_args()
    chosen = [each for each in registered() if asked.only in label_of(each)]
    if not chosen:
        options.error(f"no comparison has {asked.only!r} in its module or name")
    # An installed package has its byte code; a checkout under work may not.
    for folder in (HERE.parents[1] / "src", HERE.parent):
        compileall.compile_dir(folder, quiet=1)
    comparisons = list(compared(chosen, asked.rounds))
    write(comparisons, asked.out / "bench.jsonl")
    # A log is no terminal and has no width: the names must stay readable there, too.
    Console(width=None if sys.stdout.isatty() else 160).print(table_of(comparisons))
    return 0 if all(each.met for each in comparisons) else 1


def registered() -> Iterator[Compare]:
    """Give the comparisons of all modules that are there, in the order of `MODULES`."""
    for name in MODULES:
        if (HERE / f"{name}.py").exists():
            yield from importlib.import_module(name).COMPARISONS


def label_of(one: Compare) -> str:
    """Name a comparison as it is asked for: its module and its function."""
    return f"{one.__module__}: {one.__name__.replace('_', ' ')}"


def compared(chosen: Iterable[Compare], rounds: int) -> Iterator[Comparison]:
    """Give each comparison as it is done, saying which one is under way."""
    for one in chosen:
        sys.stderr.write(f"{label_of(one)}, {rounds} rounds each …\n")
        sys.stderr.flush()
        result = one(rounds)
        yield from (result,) if isinstance(result, Comparison) else result


def table_of(comparisons: list[Comparison]) -> Table:
    """Draw the comparisons: medians, and whether what is there was found."""
    table = Table(title="portproof and its peers (medians of interleaved rounds)")
    for heading in ("comparison", "ours", "peer", "ratio", "goal", "found", "truth", "peer", ""):
        table.add_column(heading, justify="left" if heading == "comparison" else "right")
    for each in comparisons:
        table.add_row(
            each.name,
            f"{each.ours:.3f} {each.unit}",
            f"{each.peer:.3f} {each.unit}",
            f"{each.ratio:.2f}",
            f"≥ {each.goal:g}",
            shortened(each.found),
            shortened(each.truth),
            f"{each.peer_name} {shortened(each.peer_found)}".strip(),
            "met" if each.met else ("missed" if each.right else "WRONG"),
        )
    return table


def shortened(text: str) -> str:
    """Cut a long text for the table; bench.jsonl has it whole."""
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"


if __name__ == "__main__":
    sys.exit(main())
