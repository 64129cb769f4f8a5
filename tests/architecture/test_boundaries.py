"""Boundaries that import contracts cannot see: what is loaded, and how large things may grow."""

from __future__ import annotations

import ast
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import portproof

SOURCE = Path(portproof.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
LONGEST_FUNCTION = 60
LONGEST_FILE = 400
# Tables of data, and the types of the evidence document, which are one.
TABLES = {"model/iana.py", "model/evidence.py"}


def modules() -> list[str]:
    found = pkgutil.walk_packages([str(SOURCE)], "portproof.")
    return [
        each.name
        for each in found
        if ".migrations" not in each.name and "__main__" not in each.name
    ]


def test_scapy_is_never_loaded_into_the_main_process() -> None:
    program = f"import importlib, sys\nfor name in {modules()!r}: importlib.import_module(name)\nprint('scapy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_files_and_functions_stay_readable(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if str(path.relative_to(SOURCE)) not in TABLES:
        assert len(text.splitlines()) <= LONGEST_FILE
    for function in functions(ast.parse(text)):
        assert (function.end_lineno or 0) - function.lineno < LONGEST_FUNCTION, function.name


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (
        each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
    )


FORBIDDEN = ("pass", "passed", "passes", "compliant", "certified", "secure")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_text_of_the_product_uses_the_words_that_law_1_forbids(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documentation = {
        ast.get_docstring(each, clean=False)
        for each in ast.walk(tree)
        if isinstance(each, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    }
    said = [
        each.value
        for each in ast.walk(tree)
        if isinstance(each, ast.Constant)
        and isinstance(each.value, str)
        and each.value not in documentation
    ]
    words = {word.strip(".,:;()").lower() for text in said for word in text.split()}
    assert not words & set(FORBIDDEN)
