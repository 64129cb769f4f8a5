"""Properties: whatever text is loaded, the answer is a document or faults inside the file."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from documents.loaders import LOADERS
from portproof.assets import policies_dir
from portproof.errors import DocumentError, Fault

SOURCES = [
    *sorted((policies_dir() / "examples").glob("*.yaml")),
    *sorted((policies_dir() / "examples" / "baseline-parts").rglob("*.yaml")),
    *sorted((Path(__file__).parent / "invalid").glob("*.yaml")),
]
TOKENS = [
    "id", "hosts", "ports", "zones", "entries", "assets", "waivers", "rules", "schema", "naming",
    "pattern", "approval", "networks", ": ", "- ", "\n", "\n  ", "\n    ", "[", "]", "{", "}", ",",
    "22:22", "443", "1.5", "true", "null", "'", '"', "|", ">", "&a", "*a", "!!str", "%YAML 1.1",
    "---", "...", "#", "\t", "\r", "\u2028", "\x85", "\x00", "2026-11-30", "tag:", "192.0.2.1", "-", "?",
    "(a", "stand-in", "2000-01-01", "include", "templates", "use", "from", "to", "environments", "add",
    "remove", "status", "proposed", "tls", "at_least", "zone:",
]  # fmt: skip


def faults_of(load: Callable[[Path], object], path: Path) -> tuple[Fault, ...]:
    try:
        load(path)
    except DocumentError as error:
        return error.faults or (Fault(str(path), 0, 0, "no fault is given"),)
    return ()


def assert_faults_lie_inside(kind: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "document.yaml"
        path.write_bytes(content)
        lines = re.split(r"\r\n|\r|\n", content.decode("utf-8", "replace").removeprefix("\ufeff"))
        for fault in faults_of(LOADERS[kind], path):
            assert 1 <= fault.line <= len(lines)
            assert 1 <= fault.column <= len(lines[fault.line - 1]) + 1
            assert fault.problem
            assert "\n" not in fault.problem


@pytest.mark.parametrize("kind", LOADERS)
@settings(max_examples=60, deadline=None)
@given(
    content=st.one_of(
        st.text(max_size=200), st.lists(st.sampled_from(TOKENS), max_size=40).map("".join)
    )
)
@example(content="%YAML 1.0")
@example(content="\ufeff\ufeffa")
@example(content="entries:\n  - &a [*a]\n")
@example(content="entries: !!python/object:os.system [x]\n")
@example(content="schema: portproof.facts/1\nfacts: {'': {}}\n")
@example(content="naming: {pattern: 'a{99999999999}'}\nentries: []\n")
@example(content="naming: {pattern: '[[a]'}\nentries: []\n")
def test_any_text_is_a_document_or_faults_inside_the_file(kind: str, content: str) -> None:
    assert_faults_lie_inside(kind, content.encode("utf-8", "surrogatepass"))


@settings(max_examples=100, deadline=None)
@given(kind=st.sampled_from(sorted(LOADERS)), content=st.binary(max_size=200))
def test_any_bytes_are_a_document_or_faults_inside_the_file(kind: str, content: bytes) -> None:
    assert_faults_lie_inside(kind, content)


@pytest.mark.parametrize("kind", LOADERS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_document_damaged_anywhere_has_its_faults_inside_the_file(
    kind: str, data: st.DataObject
) -> None:
    lines = (
        data.draw(st.sampled_from(SOURCES)).read_text(encoding="utf-8").splitlines(keepends=True)
    )
    for _ in range(data.draw(st.integers(1, 3))):
        position = data.draw(st.integers(0, len(lines) - 1))
        line = lines[position]
        cut = data.draw(st.integers(0, len(line)))
        lines[position] = line[:cut] + data.draw(st.sampled_from(TOKENS)) + line[cut:]
        if data.draw(st.booleans()):
            del lines[data.draw(st.integers(0, len(lines) - 1))]
        lines = lines or ["\n"]
    assert_faults_lie_inside(kind, "".join(lines).encode())
