"""The source sheet: where our probes come from and what they look like, for those who watch the IDS.

Marks are asked of the probes themselves, not written down: each is held its conversation with
nobody, and what it says is what it would say on the wire. A new probe is in the sheet by being in
the registry.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from portproof.model.authorisation import Authorisation
from portproof.model.endpoint import Address
from portproof.model.probe import Probe, ProbeContext, StartTls, Turn
from portproof.model.rates import Rates
from portproof.model.vantage import Vantage, Vantages

_NOBODY: Final = "TARGET"
_MOST_TURNS: Final = 8
_LONGEST: Final = 160
_GREETINGS: Final = (b"", b"220 nobody ESMTP\r\n")
"""What the conversations hear: nothing, or a greeting, after which mail probes speak."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeMark:
    """What one kind of probe puts on the wire."""

    probe: str
    """`http/tcp`: the protocol and its transport."""
    ports: tuple[int, ...]
    """Where it is tried first; on other ports TCP probes are tried in turn."""
    says: tuple[str, ...]
    """Each message as text, other bytes as `\\xNN`; what changes each time is zero here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePorts:
    """The ports that probes leave from."""

    engine: str
    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VantageSheet:
    """What those who watch have to know of one vantage."""

    vantage: Vantage
    here: bool
    """Whether this machine is the vantage, so that its own addresses and ports are known."""
    addresses: tuple[Address, ...]
    """Declared ones and, here, those that the kernel sends from; empty: nobody declared any."""
    ports: tuple[SourcePorts, ...]
    """Empty for vantages elsewhere: their kernels choose."""
    rates: Rates | None
    """The stricter of the authorisation's and the vantage's; None without an authorisation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSheet:
    """The whole sheet."""

    contact: str
    """Whom to call; empty without an authorisation."""
    authorisation: str
    """Its id; empty: there is none, and nothing is sent."""
    window: tuple[datetime, datetime] | None
    """From when to when probes may leave; the end is the first instant at which they may not."""
    vantages: tuple[VantageSheet, ...]
    marks: tuple[ProbeMark, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """What this machine knows of itself."""

    vantage: str
    addresses: tuple[Address, ...]
    ports: tuple[SourcePorts, ...]


def source_sheet(
    vantages: Vantages, authorisation: Authorisation | None, here: Here, probes: Sequence[Probe]
) -> SourceSheet:
    """Write the sheet of every declared vantage."""
    held = authorisation
    return SourceSheet(
        contact=held.contact if held else "",
        authorisation=held.id if held else "",
        window=(held.valid_from, held.valid_until) if held else None,
        vantages=tuple(_sheet(each, held, here) for each in vantages.vantages),
        marks=tuple(map(mark_of, probes)),
    )


def _sheet(vantage: Vantage, held: Authorisation | None, here: Here) -> VantageSheet:
    is_here = vantage.id == here.vantage
    own = here.addresses if is_here else ()
    rates = held.rates if held else None
    if rates is not None and vantage.rates is not None:
        rates = rates.stricter(vantage.rates)
    return VantageSheet(
        vantage=vantage,
        here=is_here,
        addresses=tuple(dict.fromkeys((*vantage.public_addresses, *own))),
        ports=here.ports if is_here else (),
        rates=rates,
    )


def mark_of(probe: Probe) -> ProbeMark:
    """Let a probe talk to nobody, and give what it says."""
    said = (text for greeting in _GREETINGS for text in _said(probe, greeting))
    return ProbeMark(
        probe=f"{probe.name}/{probe.transport}",
        ports=tuple(probe.default_ports),
        says=tuple(dict.fromkeys(said)),
    )


def _said(probe: Probe, heard: bytes) -> Iterable[str]:
    """Give the messages of one conversation in which every answer is the same."""
    context = ProbeContext(host=_NOBODY, port=probe.default_ports[0], nonce=bytes(16))
    talk = probe.dialogue(context)
    answer: bytes | None = None
    for _ in range(_MOST_TURNS):
        try:
            step = talk.send(answer)
        except StopIteration:
            return
        match step:
            case Turn(payload=payload):
                if payload:
                    yield as_text(payload)
                answer = heard
            case StartTls(alpn=alpn):
                names = f", ALPN {' '.join(alpn)}" if alpn else ""
                yield f"TLS ClientHello, SNI: the listed name, none for an address{names}"
                answer = None


def as_text(payload: bytes) -> str:
    """Print bytes on one line, as Python would write them, cut after 160 characters."""
    text = repr(payload)[2:-1]
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(payload)} bytes)"
