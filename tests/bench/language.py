"""How long a large baseline takes to look through, against the YAML library that only loads it."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from textwrap import dedent

from comparison import Comparison, compare, counted, output_of

ENTRIES = 5_000
GOAL = 1 / 3
"""Linting may take three times as long as ruamel.yaml needs to load the same file."""

_LOAD = dedent("""\
    import sys
    from ruamel.yaml import YAML
    with open(sys.argv[1], encoding="utf-8") as file:
        loaded = YAML(typ=sys.argv[2], pure=True).load(file)
    print("\\n".join(each["id"] for each in loaded["entries"]))
    """)
_LINT = dedent("""\
    import sys
    from pathlib import Path
    from portproof.documents.baseline import check_baseline
    base, _ = check_baseline(Path(sys.argv[1]), vantages=None)
    print("\\n".join(each.id for each in base.entries))
    """)


def baseline_lint(rounds: int) -> Comparison:
    """All checks of `portproof baseline lint` on 5,000 entries against ruamel.yaml's load alone."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "baseline.yaml"
        file.write_text(written(ENTRIES), encoding="utf-8")

        def run(code: str, *words: str) -> str:
            return counted(output_of([sys.executable, "-c", code, str(file), *words]).split())

        return compare(
            "language: lint 5,000 entries, ruamel.yaml loads them",
            lambda: run(_LINT),
            {"round trip": lambda: run(_LOAD, "rt"), "safe": lambda: run(_LOAD, "safe")},
            truth=counted(f"entry-{number}" for number in range(ENTRIES)),
            goal=GOAL,
            rounds=rounds,
        )


def written(entries: int) -> str:
    """Write a baseline as a large organisation has it: ten entries to an asset, all of them approved."""
    assets = "".join(map(_asset, range(entries // 10)))
    return f"scope: bench\nassets:\n{assets}entries:\n{''.join(map(_entry, range(entries)))}"


def _asset(number: int) -> str:
    return (
        f"  - id: asset-{number}\n"
        f"    addresses: [10.{number // 250}.{number % 250}.1, 10.{number // 250}.{number % 250}.2]\n"
        f"    tags: [tag-{number % 20}]\n"
        f"    owner: team {number % 7}\n"
    )


def _entry(number: int) -> str:
    return dedent(f"""\
          - id: entry-{number}
            from: [internet, office]
            to: asset-{number // 10}
            ports: {1_000 + number % 10}
            service: https
            owner: team {number % 7}
            justification: Customers reach shop number {number}.
            approval:
              requester: shop team
              approver: head of infrastructure
              approved_on: 2026-11-02
              review_by: 2027-04-30
              ticket: CHG-{number}
        """)


COMPARISONS = (baseline_lint,)
