"""Targets as they were known at an instant, as far as their dates tell.

A run is judged by the inventory of its own time, so that it is judged alike on any later day: what
lists said afterwards (that a target moved, retired, returned) changes nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from portproof.model.endpoint import Address
from portproof.model.inventory import AddressSpan, KnownTarget

_INSTANT: Final = timedelta(microseconds=1)


def as_of(known: Iterable[KnownTarget], at: datetime) -> tuple[KnownTarget, ...]:
    """Give the targets as they were known then, with the spans of their addresses up to then."""
    return tuple(_as_of(each, at) for each in known if each.first_listed <= at)


def running_spans(known: KnownTarget) -> dict[Address, AddressSpan]:
    """Give the span that goes on of each address that the target has, or had when it retired."""
    current = set(known.target.addresses)
    return {
        each.address: each for each in known.spans if each.address in current and each.until is None
    }


def over(known: KnownTarget, span: AddressSpan) -> datetime | None:
    """Give when an address stopped being listed with a target; None while it goes on.

    One that is retired keeps the addresses that it had last.
    """
    if span.until is not None:
        return span.until
    goes_on = running_spans(known).get(span.address) is span
    # An end of before it was recorded: all that is known is that it came after `last`.
    return None if goes_on else span.last + _INSTANT


def _as_of(each: KnownTarget, at: datetime) -> KnownTarget:
    if _unchanged_since(each, at):
        return each
    spans = tuple(_span_as_of(each, span, at) for span in each.spans if span.since <= at)
    retired_at = each.retired_at
    if retired_at is not None and retired_at > at:
        retired_at = None
    if retired_at is None and all(span.until is not None for span in spans):
        spans, retired_at = _in_retirement(spans)
    addresses = tuple(span.address for span in spans if span.until is None)
    target = replace(each.target, addresses=addresses)
    return replace(each, target=target, spans=spans, retired_at=retired_at)


def _unchanged_since(each: KnownTarget, at: datetime) -> bool:
    """Whether nothing is known of it that is later: of nearly every target, for the latest run."""
    if each.retired_at is not None and each.retired_at > at:
        return False
    return all(span.since <= at and (span.until is None or span.until <= at) for span in each.spans)


def _span_as_of(known: KnownTarget, span: AddressSpan, at: datetime) -> AddressSpan:
    end = over(known, span)
    if end is None or end > at:
        return replace(span, until=None, retired=False)
    return replace(span, until=end)


def _in_retirement(
    spans: tuple[AddressSpan, ...],
) -> tuple[tuple[AddressSpan, ...], datetime | None]:
    """Give the spans and the retirement of a target that had not returned yet, if that is why."""
    since = max((span.until for span in spans if span.retired and span.until), default=None)
    held = tuple(
        replace(span, until=None, retired=False) if span.retired and span.until == since else span
        for span in spans
    )
    return held, since
