"""Baselines as documents: looked through, and put in order."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from portproof import __version__
from portproof.documents.baseline_files import read_files
from portproof.documents.baseline_format import format_baseline
from portproof.documents.baseline_lint import lint_baseline
from portproof.errors import DocumentError, Fault, SettingsError
from portproof.model.baseline import Baseline, BaselineEntry
from portproof.model.linted import Linted
from portproof.render.effective import effective_json, effective_text
from portproof.render.faults import faults_github, faults_json, faults_sarif, faults_text
from portproof.render.files import write_text

if TYPE_CHECKING:
    from portproof.bootstrap import Application

LINT_FORMATS = ("text", "sarif", "github", "json")
LINT_SCHEMA = "portproof.lint/1"


def baselines_named(app: Application, files: Sequence[Path]) -> tuple[Path, ...]:
    """Give the files that were named, else the baseline of the settings.

    Raises:
        SettingsError: neither names one.
    """
    if files:
        return tuple(files)
    if app.settings.baseline is None:
        problem = "no baseline is named: give a FILE, or --baseline, or name it in portproof.yaml"
        raise SettingsError(problem)
    return (app.settings.baseline,)


def lint(app: Application, files: Sequence[Path]) -> tuple[Linted, ...]:
    """Look through each baseline as a check would, with the vantages in force.

    Without a configuration and a document of vantages, nobody can tell which zones there are, and
    names of zones are not judged. The faults of that document are told besides.
    """
    vantages, faults = None, tuple[Fault, ...]()
    if app.settings.vantages is not None or app.config is not None:
        try:
            vantages = app.vantages
        except DocumentError as error:
            faults = error.faults
    looked = [lint_baseline(path, vantages=vantages) for path in files]
    return (*looked, *_of_vantages(app, faults))


def _of_vantages(app: Application, faults: tuple[Fault, ...]) -> Iterator[Linted]:
    if faults:
        yield Linted(file=str(app.settings.vantages), faults=faults)


def lint_text(looked: Sequence[Linted], form: str) -> str:
    """Write what was found in one of `LINT_FORMATS`."""
    faults = [fault for each in looked for fault in each.faults]
    match form:
        case "sarif":
            return faults_sarif(faults, __version__)
        case "json":
            return _as_json(looked)
        case "github":
            return "".join(f"{line}\n" for line in faults_github(faults))
        case _:
            return "".join(f"{line}\n" for line in faults_text(faults))


def _as_json(looked: Sequence[Linted]) -> str:
    told = {
        "schema": LINT_SCHEMA,
        "documents": [
            {
                "file": each.file,
                "files": list(each.files),
                "entries": each.entries,
                "proposed": each.proposed,
                "environments": list(each.environments),
                "faults": faults_json(each.faults),
            }
            for each in looked
        ],
    }
    return json.dumps(told, indent=2) + "\n"


def effective(baseline: Baseline, ids: Sequence[str]) -> tuple[BaselineEntry, ...]:
    """Give the entries of those ids in the order of the baseline; all of them where none is named.

    Raises:
        SettingsError: there is no entry of a name.
    """
    known = {each.id for each in baseline.entries}
    unknown = [each for each in ids if each not in known]
    if unknown:
        raise SettingsError(f"there is no entry {unknown[0]!r} in {baseline.file}")
    return tuple(each for each in baseline.entries if not ids or each.id in ids)


def effective_as(baseline: Baseline, entries: Sequence[BaselineEntry], form: str) -> str:
    """Write entries as text or, for `json`, as one JSON document."""
    if form == "json":
        return effective_json(baseline, entries)
    return "".join(f"{line}\n" for line in effective_text(entries))


def put_in_order(files: Sequence[Path], *, write: bool) -> tuple[Path, ...]:
    """Put each baseline, and each file that it includes, in order; gives those that change.

    Nothing is written when `write` is false, and nothing at all when one of them cannot be read.

    Raises:
        DocumentError: a file is no YAML, or names files that cannot be read.
        RenderError: a file cannot be written.
    """
    named = dict.fromkeys(part.path for file in files for part in read_files(file).parts)
    changed = {path: text for path in named if (text := format_baseline(path)) is not None}
    for path, text in changed.items() if write else ():
        mode = path.stat().st_mode
        write_text(path, [text])
        path.chmod(mode & 0o7777)
    return tuple(changed)
