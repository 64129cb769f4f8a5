"""Tables for a terminal, through `rich`: they fit 80 columns and need no colour.

Each cell is a `Text`, never a string: rich reads `[red]` in strings as markup, and a banner may say
that. Words carry the meaning; with NO_COLOR set the same words stand there in black and white.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from portproof.model.evidence import CoverageInfo, EvidenceDocument, FindingInfo, WitnessInfo
from portproof.model.finding import Severity, Verdict
from portproof.render.neutral import PEER_LIMIT, visible
from portproof.render.wording import duration, loss, plural, share, thousands

_NAMED_WAIVERS: Final = 3
_MOST_ROWS: Final = 100
"""Rows of findings that a person looks through on a screen; the worst come first."""
_STYLE: Final = {
    "critical": "bold white on red",
    "high": "bold red",
    "medium": "bold yellow",
    "low": "yellow",
    "info": "",
    "unknown": "bold magenta",
}


def findings_table(document: EvidenceDocument) -> RenderableType:
    """Give the findings, worst first, then what could not be judged; one line says so if there is neither."""
    judged = (*document.findings, *document.unknown)
    if not judged:
        return Text(_nothing(document))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=False)
    table.add_column("severity", no_wrap=True)
    table.add_column("where", overflow="fold", max_width=28)
    table.add_column("what", overflow="fold", ratio=1)
    table.add_column("status", overflow="fold", max_width=12)
    for each in judged[:_MOST_ROWS]:
        table.add_row(*_cells(each))
    return Group(table, Text(_more(document))) if len(judged) > _MOST_ROWS else table


def _more(document: EvidenceDocument) -> str:
    """Say what the table leaves out."""
    findings = max(len(document.findings) - _MOST_ROWS, 0)
    unknown = min(
        len(document.unknown), len(document.findings) + len(document.unknown) - _MOST_ROWS
    )
    told = [plural(findings, "finding", "findings")] if findings else []
    told += [f"{thousands(unknown)} that could not be judged"] if unknown else []
    return f"not listed here: {' and '.join(told)}; the report has them all"


def summary_panel(document: EvidenceDocument) -> Panel:
    """Give the result in a frame: the sentence, severities, judgements, coverage."""
    summary = document.summary
    concluded = document.run.status == "complete"
    severities = {each: summary.by_severity.get(each, 0) for each in reversed(Severity)}
    verdicts = {each: summary.by_verdict.get(each, 0) for each in Verdict}
    measured = share(summary.measured, summary.planned)
    lines = [
        Text(_plain(summary.sentence), style="bold" if concluded else "bold reverse"),
        # An empty count of a run that could not conclude is no good result (law 1).
        _counted(
            "deviations in this run", severities, otherwise="none" if concluded else "not concluded"
        ),
        *_standing(document.findings),
        _counted("judgements", verdicts, otherwise="none"),
        Text(f"measured: {measured} endpoints, from {_plain(document.vantage.id)}"),
        *((Text(_plain(document.run.carried_over)),) if document.run.carried_over else ()),
        *_ending(document),
        *_lossy(document.coverage),
        *_unwitnessed(document.witnesses),
        *((Text(f"approvals: {_plain(summary.approvals)}"),) if summary.approvals else ()),
    ]
    title = Text(f" portproof: {_plain(document.report.scope)} ")
    return Panel(Group(*lines), title=title, title_align="left", box=box.ROUNDED, expand=False)


def _standing(findings: Sequence[FindingInfo]) -> tuple[Text, ...]:
    """Say how many findings stand of which nothing was judged again; nothing when none does."""
    held = [each for each in findings if each.carried_over]
    if not held:
        return ()
    waived = sum(each.verdict == Verdict.WAIVED for each in held)
    told = f"{thousands(len(held))}, {thousands(waived)} of them waived" if waived else len(held)
    return (Text(f"standing from before: {told} (not judged again)"),)


def _ending(document: EvidenceDocument) -> tuple[Text, ...]:
    """Name the waivers, and count the approvals, that end within 30 days; nothing when none does.

    Many waivers are counted: their names would push everything else out of sight.
    """
    waivers = [each for each in document.waivers if each.notice]
    entries = sum("ends within" in each.notice for each in document.register)
    told = [f"waiver {_plain(each.id)} {each.notice}" for each in waivers]
    if len(told) > _NAMED_WAIVERS:
        soon = sum("ends within 7 days" in each.notice for each in waivers)
        counted = f"{thousands(len(waivers))} waivers end within 30 days, {thousands(soon)} of them"
        told = [f"{counted} within 7: `portproof waivers list`"]
    if entries:
        told.append(f"{plural(entries, 'approval ends', 'approvals end')} within 30 days")
    return tuple(map(Text, told))


def _lossy(coverage: Sequence[CoverageInfo]) -> tuple[Text, ...]:
    """Say how much the path loses, where it loses anything."""
    return tuple(
        Text(f"packets lost on the way: about {loss(each.loss_ppm)} each way, by the answers")
        for each in coverage
        if not each.host and each.loss_ppm
    )


def _unwitnessed(witnesses: Sequence[WitnessInfo]) -> tuple[Text, ...]:
    """Give the worst of the networks; nothing when the run had no witness to speak of."""
    if not witnesses:
        return ()
    gap = duration(max(each.longest_gap_ms for each in witnesses))
    return (Text(f"longest interval without a witness: {gap}"),)


def _cells(finding: FindingInfo) -> tuple[Text, Text, Text, Text]:
    severity = finding.severity or "unknown"
    what = _plain(finding.title)
    if finding.verdict == Verdict.UNKNOWN:
        because = _plain(finding.because)
        what = because if because.startswith(what) else f"{what} ({because})"
    what += _governed(finding)
    status = finding.status or ("required" if finding.required else "not required")
    if finding.closed_by:
        status = f"{status} by {finding.closed_by}"
    if finding.overdue:
        status = f"{status}, overdue"
    if finding.carried_over:
        status = f"{status}, not judged again"
    return (
        Text(_plain(severity), style=_STYLE.get(severity, "")),
        Text(_plain(_where(finding))),
        Text(what),
        Text(_plain(status)),
    )


def _governed(finding: FindingInfo) -> str:
    """Name the entry that governs a finding, or the nearest one, with its line and last commit."""
    blame = finding.blame
    if blame is None:
        return ""
    name = f"entry {blame.entry}"
    told = [f"{name} at {blame.location}"]
    if finding.nearest:
        told = [f"nearest {told[0]} {finding.nearest.removeprefix(name).lstrip()}"]
    if blame.commit:
        told.append(f"last touched by {blame.commit} of {blame.date[:10]}, {blame.author}")
    told += [blame.note] if blame.note else []
    return "\n" + _plain("; ".join(told))


def _where(finding: FindingInfo) -> str:
    """Give the endpoint; without one, the asset for what a vantage saw, else the document's line."""
    seen = finding.asset if finding.zone else finding.location
    return finding.endpoint or seen or finding.asset


def _nothing(document: EvidenceDocument) -> str:
    measured = share(document.summary.measured, document.summary.planned)
    if document.run.status == "complete":
        return f"No deviation was observed within the stated coverage ({measured} endpoints)."
    return f"Nothing is listed because the run could not conclude ({measured} endpoints)."


def _counted(
    label: str, counts: Mapping[Severity, int] | Mapping[Verdict, int], *, otherwise: str
) -> Text:
    named = [f"{thousands(count)} {name}" for name, count in counts.items() if count]
    return Text(f"{label}: {', '.join(named) or otherwise}")


def _plain(text: str) -> str:
    return visible(text, PEER_LIMIT)
