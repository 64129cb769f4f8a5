"""A reconciliation as text: one line for each port, or each rule that lets through to nobody."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from portproof.model.reconcile import ReconcileDocument, ReconcileRow, Standing
from portproof.render.neutral import PEER_LIMIT, visible

_LONGEST_PORTS: Final = 60
_FOR: Final = {Standing.STALE: ", for the review of rules (PCI DSS 1.2.7)"}


def reconcile_text(document: ReconcileDocument) -> str:
    """Write the whole reconciliation; lines that somebody has to look at begin with `!`."""
    return "\n".join(_lines(document)) + "\n"


def ports_shown(ports: str) -> str:
    """Give a port specification for people, the beginning of a long one."""
    text = "1-65535" if ports == "-" else ports
    return text if len(text) <= _LONGEST_PORTS else f"{text[:_LONGEST_PORTS].rsplit(',', 1)[0]},…"


def _lines(document: ReconcileDocument) -> Iterator[str]:
    yield _plain(
        f"run {document.run} ({document.status}, {document.at}) from {document.vantage} "
        f"in zone {document.zone}"
    )
    for standing in Standing:
        held = [each for each in document.rows if each.standing is standing]
        if held:
            yield f"{standing} ({len(held):,}){_FOR.get(standing, '')}"
        yield from (_row(each) for each in held)
    if document.not_understood:
        yield f"not understood ({len(document.not_understood):,})"
    yield from (_plain(f"  {each}") for each in document.not_understood)
    yield from (_plain(f" {each}") for each in document.notes)
    if not document.rows:
        yield "nothing is open, listens, or is let through to nobody, on the hosts spoken of"


def _row(row: ReconcileRow) -> str:
    place = f"{row.host} {ports_shown(row.ports)}/{row.transport}"
    told = [f"scan: {row.scan}", f"listening: {row.listening}"]
    if row.intent:
        told.append(f"intent: {row.intent}" + (f" by {row.rule}" if row.rule else ""))
    return _plain(f"{'!' if row.contradiction else ' '} {place}  {'; '.join(told)}")


def _plain(text: str) -> str:
    return visible(text, 4 * PEER_LIMIT)
