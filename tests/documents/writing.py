"""Writes documents for tests: only the facts that matter stand in the test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent, indent
from typing import TypeVar

import pytest

from portproof.documents import load_baseline
from portproof.errors import DocumentError
from portproof.model.baseline import Baseline

T = TypeVar("T")


def written(folder: Path, text: str) -> Path:
    """Write a document and give its path."""
    path = folder / "document.yaml"
    path.write_text(dedent(text), encoding="utf-8")
    return path


def faults_in(load: Callable[[Path], object], path: Path) -> list[str]:
    """Give the faults of a load that must fail, as `line:column problem`."""
    with pytest.raises(DocumentError) as caught:
        load(path)
    return [f"{each.line}:{each.column} {each.problem}" for each in caught.value.faults]


def baseline_of(folder: Path, entry: str, *, assets: str = "[]") -> Baseline:
    """Load a baseline of one entry: the keys given, on 192.0.2.1, port 443, from `office`."""
    keys = {"id": "one", "hosts": "192.0.2.1", "ports": "443", "zones": "office"}
    for line in dedent(entry).strip().splitlines():
        keys.pop(line.partition(":")[0], None)
    body = "\n".join([*(f"{key}: {value}" for key, value in keys.items()), dedent(entry).strip()])
    text = f"assets: {assets}\nentries:\n  -\n{indent(body, '    ')}\n"
    return load_baseline(written(folder, text), vantages=None)
