"""Sentences about what was seen: observed words, never judged ones (04-evidence-report.md §4.2)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from portproof.model.endpoint import Endpoint, Transport
from portproof.model.observation import Observation, PortState
from portproof.model.ports import PortSet
from portproof.policy.services import identity

_LONGEST_PORTS: Final = 120
"""Characters of a port list that a sentence can carry."""


def instant(at: datetime) -> str:
    """Print a time as RFC 3339 in UTC, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def ports_text(ports: PortSet) -> str:
    """Print a port set for a sentence; of a long one the beginning and the number."""
    text = str(ports)
    if text == "-":
        return "1-65535"
    if len(text) <= _LONGEST_PORTS:
        return text
    head = text[:_LONGEST_PORTS].rsplit(",", 1)[0]
    return f"{head},… ({len(ports)} in all)"


def saw(endpoint: Endpoint, seen: Observation | None, vantage: str) -> str:
    """Say how an open port showed itself: `TCP 22 on 10.0.0.5 accepted a connection from ext-1 …`."""
    place = f"{endpoint.transport.upper()} {endpoint.port} on {endpoint.address}"
    did = "accepted a connection" if endpoint.transport is Transport.TCP else "answered a probe"
    if seen is None:
        return f"{place} {did} from {vantage}"
    attempts = "1 attempt" if seen.attempts == 1 else f"{seen.attempts} attempts"
    return f"{place} {did} from {vantage} at {instant(seen.at)} ({attempts})"


def spoke(seen: Observation | None) -> str:
    """Say what the port speaks and how that is known."""
    service = seen.service if seen else None
    name = identity(service)
    if service is None or name is None:
        return "what answers did not identify itself"
    return f"it identified itself as {name} ({service.identified_by})"


def state_words(state: PortState) -> str:
    """Say a state in a sentence, without claiming more than was seen."""
    match state:
        case PortState.OPEN:
            return "was open"
        case PortState.CLOSED:
            return "was closed"
        case PortState.FILTERED:
            return "gave no answer or an ICMP refusal (filtered)"
        case PortState.OPEN_FILTERED:
            return "gave no response (open or filtered)"


def counted(number: int, noun: str) -> str:
    """Print a number with its noun: `1 port`, `2 ports`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
