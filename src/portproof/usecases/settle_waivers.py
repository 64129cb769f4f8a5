"""Settle waivers: write down which of them have ended, dated at their ends.

A waiver's end needs no run: the document says when it is. Lists show a finding as open from that
instant on; this makes it an event of the log, once, so that the record of the finding has it too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from portproof.contracts import Store
from portproof.model.finding import Finding, FindingEvent
from portproof.model.waiver import Waivers
from portproof.policy.holders import Holders
from portproof.policy.waiver_end import settlement
from portproof.policy.waivers import NOBODY


def settle_waivers(
    store: Store,
    waivers: Waivers,
    at: datetime,
    holders: Holders = NOBODY,
    *,
    keep: bool = True,
) -> tuple[FindingEvent, ...]:
    """Append that waivers of waived findings ended by an instant; gives the events.

    Doing it again adds nothing: a finding whose waiver ended is not waived any more. Without `keep`
    the store is only read.

    Raises:
        StoreError: the store cannot be read or written.
    """
    events = tuple(_events(store.findings(), waivers, at, holders))
    if events and keep:
        store.append_actions(events)
    return events


def settled(
    store: Store,
    findings: Sequence[Finding],
    waivers: Waivers,
    at: datetime,
    holders: Holders = NOBODY,
) -> Sequence[Finding]:
    """Settle what of the store's findings wants it, and give them all as they stand then.

    Raises:
        StoreError: the store cannot be read or written.
    """
    events = tuple(_events(findings, waivers, at, holders))
    if not events:
        return findings
    store.append_actions(events)
    return store.findings()


def _events(
    findings: Iterable[Finding], waivers: Waivers, at: datetime, holders: Holders
) -> Iterator[FindingEvent]:
    settlements = (settlement(each, waivers, at, holders) for each in findings)
    return (each for each in settlements if each is not None)
