"""Sentences about what was seen: observed words, never judged ones."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from portproof.model.endpoint import Endpoint, Transport
from portproof.model.observation import Observation, PortState, Reason
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


def spoke(seen: Observation | None, silent_ports: PortSet | None = None) -> str:
    """Say what the port speaks and how that is known.

    `silent_ports` are the TCP ports that the run connected to and sent nothing (`ScanPlan`): there
    nobody was asked to identify itself. Nor was it where the run, or our sockets, ended first.
    """
    service = seen.service if seen else None
    name = identity(service)
    if service is None or name is None:
        if _is_silent(seen, silent_ports):
            return "nothing was sent to it (fragile port)"
        if seen is not None and not seen.asked:
            return "it was not asked what it is"
        return "what answers did not identify itself"
    return f"it identified itself as {name} ({service.identified_by})"


def _is_silent(seen: Observation | None, silent_ports: PortSet | None) -> bool:
    if seen is None or silent_ports is None or seen.endpoint.transport is not Transport.TCP:
        return False
    return seen.endpoint.port in silent_ports


def state_words(state: PortState, reason: Reason | None = None) -> str:
    """Say a state in a sentence, without claiming more than was seen.

    `reason` tells an answer that nobody could read from silence; None: it is not known.
    """
    match state:
        case PortState.OPEN:
            return "was open"
        case PortState.CLOSED:
            return "was closed"
        case PortState.FILTERED:
            return "gave no answer or an ICMP refusal (filtered)"
        case PortState.OPEN_FILTERED if reason is Reason.UDP_RESPONSE:
            return "gave a response that is not of the protocol asked (open or filtered)"
        case PortState.OPEN_FILTERED:
            return "gave no response (open or filtered)"


def counted(number: int, noun: str) -> str:
    """Print a number with its noun: `1 port`, `2 ports`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
