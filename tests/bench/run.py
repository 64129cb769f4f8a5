"""`make bench`: portproof and its peers on the same hosts, in turn, in one run.

Prints a table, writes one JSON object per comparison to `bench-out/bench.jsonl`, and ends with 1
when a goal is missed or anything open was missed or invented.

    .venv/bin/python tests/bench/run.py [--rounds 5] [--out bench-out]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))  # tests/netns.py, as pytest's `pythonpath` has it

from comparison import Comparison, write  # noqa: E402 - after the path is set
from connect import across_a_network, on_loopback  # noqa: E402
from startup import help_text  # noqa: E402


def main() -> int:
    """Compare, print, write; the exit code says whether all goals were met."""
    options = argparse.ArgumentParser(description="Compare portproof with nmap.")
    options.add_argument(
        "--rounds", type=int, default=5, help="interleaved rounds each (default: 5)"
    )
    options.add_argument("--out", type=Path, default=HERE.parents[1] / "bench-out")
    asked = options.parse_args()
    comparisons = list(compared(asked.rounds))
    write(comparisons, asked.out / "bench.jsonl")
    # A log is no terminal and has no width: the names must stay readable there, too.
    Console(width=None if sys.stdout.isatty() else 132).print(table_of(comparisons))
    return 0 if all(each.met for each in comparisons) else 1


def compared(rounds: int) -> Iterator[Comparison]:
    """Give each comparison as it is done, saying which one is under way."""
    for one in (on_loopback, across_a_network, help_text):
        sys.stderr.write(f"{one.__name__.replace('_', ' ')}: {rounds} rounds each …\n")
        yield one(rounds)


def table_of(comparisons: list[Comparison]) -> Table:
    """Draw the comparisons: medians in seconds, and whether what is there was found."""
    table = Table(title="portproof and its peers (medians of interleaved rounds, wall seconds)")
    for heading in (
        "comparison",
        "ours",
        "peer",
        "ours / peer",
        "goal",
        "found / truth",
        "peer found",
        "",
    ):
        table.add_column(heading, justify="left" if heading == "comparison" else "right")
    for each in comparisons:
        table.add_row(
            each.name,
            f"{each.ours:.3f}",
            f"{each.peer:.3f}",
            f"{each.ratio:.2f}",
            f"≤ {each.goal:g}",
            f"{len(each.found)} / {len(each.truth)}",
            str(len(each.peer_found)),
            "met" if each.met else ("missed" if each.right else "WRONG"),
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
