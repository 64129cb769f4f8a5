"""Faults of documents for people, for editors, and for the views of a code host.

SARIF 2.1.0 (OASIS standard, 2020-03-27): a code host drops a whole file in which one result has no
physical location, so that every fault has one: what concerns a file as a whole stands at its first
line. The path is relative to the working directory where the file lies below it, as a checkout
needs it, and a `file:` URI elsewhere; never with `..`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from portproof.errors import Fault
from portproof.render.neutral import visible

MOST_RESULTS: Final = 25_000
"""Results of one run that GitHub takes; of a file with more it takes none."""

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_RULE: Final = "document-fault"


def faults_text(faults: Iterable[Fault]) -> Iterator[str]:
    """Give one line per fault, as compilers write them: `file:line:column: problem`."""
    return (visible(str(each)) for each in faults)


def faults_json(faults: Iterable[Fault]) -> list[dict[str, Any]]:
    """Give the faults as JSON values; line and column are 0 where a file as a whole is meant."""
    return [
        {
            "file": each.file,
            "line": each.line,
            "column": each.column,
            "problem": each.problem,
        }
        for each in faults
    ]


def faults_github(faults: Iterable[Fault]) -> Iterator[str]:
    """Give workflow commands that annotate the lines of a pull request."""
    for each in faults:
        place = f"file={_property(_path(each.file))}"
        if each.line:
            place += f",line={each.line},col={each.column}"
        yield f"::error {place},title=portproof::{_data(each.problem)}"


def faults_sarif(faults: Sequence[Fault], tool_version: str) -> str:
    """Write the faults as one SARIF log; ASCII only."""
    rule = {
        "id": _RULE,
        "shortDescription": {"text": "A document has a fault"},
        "fullDescription": {"text": "Nothing is judged by a document until it has no fault."},
        "defaultConfiguration": {"level": "error"},
    }
    run: dict[str, Any] = {
        "tool": {"driver": {"name": "portproof", "version": tool_version, "rules": [rule]}},
        "columnKind": "unicodeCodePoints",
        "results": list(_results(faults[:MOST_RESULTS])),
    }
    left_out = len(faults) - MOST_RESULTS
    if left_out > 0:
        words = f"{left_out} further faults are left out: a code host takes {MOST_RESULTS}."
        told = {"level": "warning", "message": {"text": words}}
        run["invocations"] = [{"executionSuccessful": True, "toolExecutionNotifications": [told]}]
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=True) + "\n"


def _results(faults: Iterable[Fault]) -> Iterator[dict[str, Any]]:
    alike: Counter[str] = Counter()
    for each in faults:
        uri = _uri(each.file)
        # Not the line: it moves whenever something is written above it.
        same = f"{uri}\0{each.problem}"
        alike[same] += 1
        mark = sha256(f"{same}\0{alike[same]}".encode()).hexdigest()[:32]
        region = {"startLine": max(1, each.line), "startColumn": max(1, each.column)}
        place = {"artifactLocation": {"uri": uri}, "region": region}
        yield {
            "ruleId": _RULE,
            "ruleIndex": 0,
            "level": "error",
            "message": {"text": each.problem},
            "locations": [{"physicalLocation": place}],
            "partialFingerprints": {"portproof/v1": mark},
        }


def _path(file: str) -> str:
    """Give a path below the working directory as one relative to it, any other whole."""
    whole, here = Path(file).absolute(), Path.cwd()
    return whole.relative_to(here).as_posix() if whole.is_relative_to(here) else whole.as_posix()


def _uri(file: str) -> str:
    # `..` is resolved first: it would be an address outside of the checkout that it is read in.
    path = Path(file)
    given = _path(str(path.resolve() if ".." in path.parts else path))
    return f"file://{quote(given)}" if given.startswith("/") else quote(given)


def _data(text: str) -> str:
    """Escape the message of a workflow command, as its runner reads it."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """Escape a property of a workflow command."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
