"""-oN, -oX, -oG, -oJ and -oA: a scan written as nmap writes it, to files or to standard output."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from portproof.bootstrap.forms import ScanForm, require_writable, scan_text, write_text
from portproof.cli.consoles import Patient
from portproof.errors import SettingsError
from portproof.model.scan import RunRecord

STANDARD_OUTPUT: Final = "-"
FORMS: Final[tuple[ScanForm, ...]] = ("normal", "xml", "grep", "jsonl")
_ENDINGS: Final[tuple[tuple[ScanForm, str], ...]] = (
    ("normal", ".nmap"),
    ("xml", ".xml"),
    ("grep", ".gnmap"),
)
"""What -oA writes, and the endings that nmap gives them."""
_DATABASE: Final = "--database"
"""Its value may be a URL with a password in it, and these files are given to others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What is shown of a scan, in tables and in files."""

    open_only: bool = False
    reason: bool = False


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where a scan is written to, and in which forms."""

    wanted: tuple[tuple[ScanForm, str], ...]
    """Each form with its file; `-` is standard output."""

    @classmethod
    def of(cls, given: Mapping[ScanForm, str | None], all_at: str | None) -> Outputs:
        """Take what the options say: a file by form, and the base name of -oA.

        Raises:
            SettingsError: two of them go to standard output, or to one file.
            RenderError: a file cannot be written.
        """
        wanted: list[tuple[ScanForm, str]] = []
        for form in FORMS:
            name = given[form]
            if name is not None:
                wanted.append((form, name))
        if all_at is not None:
            wanted += [(form, f"{all_at}{ending}") for form, ending in _ENDINGS]
        _refuse_two_in_one_place([name for _, name in wanted])
        for _, name in wanted:
            if name != STANDARD_OUTPUT:
                require_writable(Path(name))
        return cls(tuple(wanted))

    @property
    def on_standard_output(self) -> bool:
        """Whether one of them is what standard output holds, instead of the table."""
        return any(name == STANDARD_OUTPUT for _, name in self.wanted)

    def write(self, record: RunRecord, shown: Shown, console: Patient) -> None:
        """Write them all, whatever became of the run: each says so itself.

        Raises:
            RenderError: a file cannot be written; the others were.
        """
        command = command_line(sys.argv)
        # Files first: whoever reads standard output may have gone.
        for form, name in sorted(self.wanted, key=lambda each: each[1] == STANDARD_OUTPUT):
            text = scan_text(record, form, command, open_only=shown.open_only, reason=shown.reason)
            if name == STANDARD_OUTPUT:
                console.write("".join(text))
            else:
                write_text(Path(name), text)


def _refuse_two_in_one_place(names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            place = "standard output" if name == STANDARD_OUTPUT else name
            raise SettingsError(f"two outputs go to {place}; give each its own")


def command_line(arguments: Sequence[str]) -> str:
    """Give the command as it was typed, less its path and less the database's address."""
    return shlex.join(["portproof", *_harmless(arguments[1:])])


def _harmless(arguments: Sequence[str]) -> Iterator[str]:
    hide = False
    for each in arguments:
        if hide:
            yield "..."
        elif each.startswith(f"{_DATABASE}="):
            yield f"{_DATABASE}=..."
        else:
            yield each
        hide = each == _DATABASE
