"""Custom rules asked of open ports: which ports, with which values, and what came of it.

Selectors come first and are set arithmetic, so that most ports never reach an expression; and of
the variables only those are looked up that the expression reads. What has no value is left out
(`model.custom_rule`): the language then has no answer, unless the expression decides without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Final

from portproof.errors import EvaluationError
from portproof.model.baseline import BaselineEntry, Presence
from portproof.model.custom_rule import VARIABLES, CustomJudging, CustomRule, Value
from portproof.model.observation import Certificate, Observation, Service, TlsFacts
from portproof.model.ports import PortSet
from portproof.policy.scene import Scene, Sighting, observations, service_at
from portproof.policy.services import identity
from portproof.policy.wording import instant

_LONGEST_VALUE: Final = 120
_WHY_ABSENT: Final = {each.name: each.absent for each in VARIABLES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One open port, as expressions see it."""

    scene: Scene
    sighting: Sighting
    port: int
    seen: Observation | None
    """None when no observation of it was kept."""
    service: Service | None
    """What identified itself; None when nothing did, or only the port number tells."""

    @property
    def tls(self) -> TlsFacts | None:
        """What a TLS handshake showed; None without one."""
        service = self.seen.service if self.seen else None
        return service.tls if service else None

    @property
    def leaf(self) -> Certificate | None:
        """The certificate; None when none was presented that can be read."""
        return self.tls.certificate if self.tls else None

    @property
    def entry(self) -> BaselineEntry | None:
        """The entry in force that grants the port; None when none does."""
        return self.sighting.granting(self.port, self.scene.today)


class Cause(StrEnum):
    """Why a rule says nothing of a port; all but the first are the rule's own fault."""

    NOT_KNOWN = "not known"
    """It reads what was not measured, or what no document says."""
    FAILS = "the rule fails"
    NO_TIME = "no time left"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a rule says of one port."""

    deviates: bool | None
    """None: it says nothing, which is UNKNOWN."""
    cause: Cause | None = None
    """Set exactly where it says nothing."""
    why: str = ""
    """The cause in full."""


_TRUE: Final = Answer(deviates=True)
_FALSE: Final = Answer(deviates=False)


class Watch:
    """Holds the rules of one run against the time that they have together."""

    def __init__(self, judging: CustomJudging) -> None:
        self._elapsed_s = judging.elapsed_s
        self.budget_s = judging.document.budget_s
        self._end_s = judging.elapsed_s() + self.budget_s

    def is_over(self) -> bool:
        """Whether the time is used up."""
        return self._elapsed_s() >= self._end_s

    @property
    def used_up(self) -> Answer:
        """What a rule says of the ports that there was no time for."""
        why = f"the {self.budget_s:g} seconds that custom rules have for one run were used up"
        return Answer(deviates=None, cause=Cause.NO_TIME, why=why)


def in_force(scene: Scene) -> tuple[CustomRule, ...]:
    """Give the rules that look from the zone of the run."""
    rules = scene.custom.document.rules if scene.custom else ()
    return tuple(each for each in rules if not each.zones or scene.zone in each.zones)


def looked_at(rule: CustomRule, sighting: Sighting) -> PortSet:
    """Give the open ports of a host that a rule's selectors leave to its expression."""
    tags = sighting.asset.tags if sighting.asset else frozenset()
    if rule.tags and not rule.tags & tags:
        return PortSet.empty()
    return sighting.open & rule.ports(sighting.transport)


def places(scene: Scene, sighting: Sighting, ports: PortSet) -> Iterator[Place]:
    """Give some open ports of a host, with what was observed there."""
    seen = observations(sighting.outcome) if ports else {}
    for port in ports:
        held = seen.get(port)
        yield Place(scene=scene, sighting=sighting, port=port, seen=held, service=service_at(held))


def ask(rule: CustomRule, place: Place) -> Answer:
    """Ask a rule of one port."""
    try:
        return _TRUE if rule.deviates(values_at(place, rule.deviates.reads)) else _FALSE
    except EvaluationError as error:
        if not error.absent:
            return Answer(deviates=None, cause=Cause.FAILS, why=f"its expression fails: {error}")
        absent = _WHY_ABSENT.get(error.absent, "")
        why = f"it reads {error.absent}, which has no value: {absent}"
        return Answer(deviates=None, cause=Cause.NOT_KNOWN, why=why)


def values_at(place: Place, names: Iterable[str]) -> dict[str, Value]:
    """Give the variables of these names that have a value at a port, in the order of the names."""
    found = {}
    for name in names:
        value = _READERS.get(name, _known)(place)
        if value is not None:
            found[name] = value
    return found


def told(values: Mapping[str, Value], names: Iterable[str]) -> str:
    """Print variables for a sentence: `tls = true, tls_version = "TLSv1.0"`."""
    listed = (f"{name} = {_quoted(values.get(name))}" for name in sorted(names))
    return ", ".join(listed)


def shown(value: Value | None) -> str:
    """Print one value as a sentence carries it; None is what has no value."""
    match value:
        case None:
            text = "(not known)"
        case bool():
            text = str(value).lower()
        case datetime():
            text = instant(value)
        case list():
            text = ", ".join(value)
        case dict():
            text = ", ".join(f"{key}={each}" for key, each in value.items())
        case _:
            text = str(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def _quoted(value: Value | None) -> str:
    return f'"{shown(value)}"' if isinstance(value, str) else shown(value)


def _known(place: Place) -> list[str]:
    return [name for name, read in _READERS.items() if read(place) is not None]


# ---------------------------------------------------------------- the variables


def _trust(place: Place) -> str:
    trust = place.scene.trust
    return trust.value if trust else ""


def _entry(read: Callable[[BaselineEntry], Value | None]) -> Callable[[Place], Value | None]:
    """Read something of the entry that grants a port; nothing without one."""

    def of(place: Place) -> Value | None:
        entry = place.entry
        return read(entry) if entry else None

    return of


def _entry_text(read: Callable[[BaselineEntry], str]) -> Callable[[Place], str]:
    def of(place: Place) -> str:
        entry = place.entry
        return read(entry) if entry else ""

    return of


def _review_by(entry: BaselineEntry) -> datetime | None:
    until = entry.approval.review_by
    return datetime.combine(until, time(), UTC) + timedelta(days=1) if until else None


def _recognised(place: Place) -> tuple[str, bool]:
    service = place.seen.service if place.seen else None
    found = place.scene.rules.recognise(place.sighting.transport, place.port, service)
    return (found.rule.service_class if found.rule else ""), found.inferred


def _service(read: Callable[[Service], Value | None]) -> Callable[[Place], Value | None]:
    def of(place: Place) -> Value | None:
        service = place.service
        return read(service) if service else None

    return of


def _tls(read: Callable[[TlsFacts], Value | None]) -> Callable[[Place], Value | None]:
    def of(place: Place) -> Value | None:
        tls = place.tls
        return read(tls) if tls else None

    return of


def _leaf(read: Callable[[Certificate], Value | None]) -> Callable[[Place], Value | None]:
    def of(place: Place) -> Value | None:
        leaf = place.leaf
        return read(leaf) if leaf else None

    return of


_READERS: Final[Mapping[str, Callable[[Place], Value | None]]] = {
    "port": lambda at: at.port,
    "transport": lambda at: at.sighting.transport.value,
    "address": lambda at: str(at.sighting.host.address),
    "ip_version": lambda at: at.sighting.host.address.version,
    "host": lambda at: at.sighting.host.name or "",
    "names": lambda at: list(at.sighting.host.names),
    "target": lambda at: at.sighting.host.target,
    "vantage": lambda at: at.scene.run.plan.vantage.id,
    "zone": lambda at: at.scene.zone,
    "trust": _trust,
    "target_zone": lambda at: at.sighting.target_zone.name if at.sighting.target_zone else "",
    "protected": lambda at: bool(at.sighting.target_zone and at.sighting.target_zone.protected),
    "asset": lambda at: at.sighting.asset.id if at.sighting.asset else "",
    "tags": lambda at: sorted(at.sighting.asset.tags) if at.sighting.asset else [],
    "owner": lambda at: at.sighting.asset.owner if at.sighting.asset else "",
    "capability": lambda at: at.sighting.asset.capability if at.sighting.asset else "",
    "tier": lambda at: (
        int(at.sighting.asset.tier) if at.sighting.asset and at.sighting.asset.tier else None
    ),
    "approved": lambda at: at.port in at.sighting.approved,
    "entry": _entry_text(lambda entry: entry.id),
    "expected_service": _entry_text(lambda entry: entry.service),
    "required": lambda at: bool(at.entry and at.entry.presence is Presence.REQUIRED),
    "mitigated": lambda at: bool(at.entry and at.entry.mitigation),
    "ticket": _entry_text(lambda entry: entry.approval.ticket),
    "review_by": _entry(_review_by),
    "service_class": lambda at: _recognised(at)[0],
    "inferred": lambda at: _recognised(at)[1],
    "judged_at": lambda at: at.scene.at,
    "seen_at": lambda at: at.seen.at if at.seen else None,
    "reason": lambda at: at.seen.reason.value if at.seen else None,
    "rtt_us": lambda at: at.seen.rtt_us if at.seen else None,
    "service": _service(identity),
    "identified_by": _service(lambda service: service.identified_by.value),
    "banner": _service(lambda service: service.product),
    "attributes": _service(lambda service: dict(service.attributes)),
    "tls": _service(lambda service: service.tls is not None),
    "tls_version": _tls(lambda tls: tls.version),
    "tls_cipher": _tls(lambda tls: tls.cipher),
    "tls_expires": _leaf(lambda leaf: leaf.not_after),
    "tls_begins": _leaf(lambda leaf: leaf.not_before),
    "tls_subject": _leaf(lambda leaf: leaf.subject),
    "tls_issuer": _leaf(lambda leaf: leaf.issuer),
    "tls_names": _leaf(lambda leaf: list(leaf.names)),
    "tls_key": _leaf(lambda leaf: leaf.key or None),
    "tls_self_signed": _leaf(lambda leaf: leaf.self_signed),
}
"""How each variable but `known` is read at a port; None: it has no value there."""
