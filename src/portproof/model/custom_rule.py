"""Rules that a customer writes: what one says, and what its expression may speak of.

An expression asks about one open port and its host, in the words of `VARIABLES`. Two kinds of
absence are kept apart (law 1): what the documents do not say is empty (`""`, `[]`), because they say
nothing of it; what was not measured has no value at all, and whoever reads it gets UNKNOWN, never
false. `known` lists the names that do have one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol, TypeAlias

from portproof.model.baseline import SourceLocation
from portproof.model.endpoint import Transport
from portproof.model.finding import Severity
from portproof.model.ports import PortSet

PREFIX: Final = "custom/"
"""What the rule id of a finding begins with where the organisation's own rule made it, so that no rule of a
later portproof can take its name."""
KNOWN: Final = "known"
"""The variable that lists the names of those that have a value."""

Value: TypeAlias = bool | int | str | datetime | list[str] | dict[str, str]


class Kind(StrEnum):
    """The type of a variable, by its name in CEL."""

    INT = "int"
    TEXT = "string"
    TRUTH = "bool"
    INSTANT = "timestamp"
    TEXTS = "list(string)"
    PAIRS = "map(string, string)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One name that an expression may use."""

    name: str
    kind: Kind
    meaning: str
    absent: str = ""
    """When it has no value, so that reading it gives UNKNOWN; empty: it always has one."""


def _always(name: str, kind: Kind, meaning: str) -> Variable:
    return Variable(name=name, kind=kind, meaning=meaning)


def _measured(name: str, kind: Kind, meaning: str, absent: str) -> Variable:
    return Variable(name=name, kind=kind, meaning=meaning, absent=absent)


_NO_RECORD: Final = "no observation of the port was kept"
_NO_SERVICE: Final = "what answers did not identify itself, or was not asked"
_NO_TLS: Final = "no TLS handshake is on record"
_NO_CERTIFICATE: Final = "no certificate was presented that can be read"

VARIABLES: Final = (
    _always("port", Kind.INT, "the port number"),
    _always("transport", Kind.TEXT, '"tcp" or "udp"'),
    _always("address", Kind.TEXT, "the address that was asked"),
    _always("ip_version", Kind.INT, "4 or 6"),
    _always("host", Kind.TEXT, 'the DNS name that was listed; "" where an address was'),
    _always("names", Kind.TEXTS, "every listed name of the address, lower case"),
    _always("target", Kind.TEXT, "the target as it was listed"),
    _always("vantage", Kind.TEXT, "the vantage that looked"),
    _always("zone", Kind.TEXT, "the zone of that vantage"),
    _always("trust", Kind.TEXT, '"trusted" or "untrusted", of that zone; "" if it is not declared'),
    _always("target_zone", Kind.TEXT, 'the zone that the host lies in; "" if none has it'),
    _always("protected", Kind.TRUTH, "whether that zone is declared to be protected"),
    _always("asset", Kind.TEXT, 'the id of the asset; "" if the baseline knows none'),
    _always("tags", Kind.TEXTS, "the tags of the asset, sorted"),
    _always("owner", Kind.TEXT, 'the owner of the asset; "" if nobody is named'),
    _always("capability", Kind.TEXT, 'the business capability of the asset; "" if none is named'),
    _measured("tier", Kind.INT, "the tier of the asset, 1 is critical", "none is stated"),
    _always("approved", Kind.TRUTH, "whether an entry in force grants the port from the zone"),
    _always("entry", Kind.TEXT, 'the id of that entry; "" without one'),
    _always("expected_service", Kind.TEXT, 'the service that it expects; "" without one'),
    _always("required", Kind.TRUTH, "whether that entry requires the service"),
    _always("mitigated", Kind.TRUTH, "whether that entry names a mitigation"),
    _always("ticket", Kind.TEXT, 'the ticket of that entry; "" without one'),
    _measured("review_by", Kind.INSTANT, "the end of its last day (UTC)", "no day is stated"),
    _always("service_class", Kind.TEXT, 'the class in service-rules.yaml; "" if no rule speaks'),
    _always("inferred", Kind.TRUTH, "whether that class rests on the port number alone"),
    _always("judged_at", Kind.INSTANT, "the instant that the run is judged for"),
    _measured("seen_at", Kind.INSTANT, "when the deciding packet went out", _NO_RECORD),
    _measured("reason", Kind.TEXT, 'why it counts as open: "syn-ack", "udp-response"', _NO_RECORD),
    _measured("rtt_us", Kind.INT, "round-trip time in microseconds", "it was not measured"),
    _measured("service", Kind.TEXT, "the service that identified itself: ssh, https", _NO_SERVICE),
    _measured("identified_by", Kind.TEXT, '"protocol answer", "banner" or "tls"', _NO_SERVICE),
    _measured("banner", Kind.TEXT, "software as the peer says, unverified", _NO_SERVICE),
    _measured("attributes", Kind.PAIRS, "what else the service told of itself", _NO_SERVICE),
    _measured("tls", Kind.TRUTH, "whether a TLS handshake is on record", _NO_SERVICE),
    _measured("tls_version", Kind.TEXT, "as negotiated: TLSv1.2", _NO_TLS),
    _measured("tls_cipher", Kind.TEXT, "the cipher suite, by its IANA or OpenSSL name", _NO_TLS),
    _measured("tls_expires", Kind.INSTANT, "the end of the certificate", _NO_CERTIFICATE),
    _measured("tls_begins", Kind.INSTANT, "the beginning of the certificate", _NO_CERTIFICATE),
    _measured("tls_subject", Kind.TEXT, "the certificate's subject", _NO_CERTIFICATE),
    _measured("tls_issuer", Kind.TEXT, "the certificate's issuer", _NO_CERTIFICATE),
    _measured("tls_names", Kind.TEXTS, "its subjectAltNames, in its order", _NO_CERTIFICATE),
    _measured("tls_key", Kind.TEXT, 'key type and size: "rsa 2048"', _NO_CERTIFICATE),
    _measured("tls_self_signed", Kind.TRUTH, "whether it is self-signed", _NO_CERTIFICATE),
    _always(KNOWN, Kind.TEXTS, "the names of this list that have a value here"),
)
"""All that an expression may speak of."""


class Predicate(Protocol):
    """A compiled expression that is true where a port deviates."""

    @property
    def reads(self) -> frozenset[str]:
        """The variables that it may ask for; only they need to be given."""
        ...

    def __call__(self, values: Mapping[str, Value]) -> bool:
        """Say whether the expression is true of these values; what has none is left out.

        Raises:
            EvaluationError: it has no value here, because something absent was read, or by an
                error of its own (a division by zero, a text that is no number).
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomRule:
    """One rule that a customer wrote: open ports of which its expression is true deviate."""

    id: str
    """As findings and waivers name it, with `PREFIX`."""
    title: str
    severity: Severity
    when: str
    """The expression, as written."""
    deviates: Predicate = field(compare=False)
    because: str = ""
    """A sentence with variables in braces; empty: the title says it."""
    action: str = ""
    controls: tuple[str, ...] = ()
    """As `pci:1.2.5`."""
    owner: str = ""
    """Who mends it where the asset names nobody."""
    tcp: PortSet
    """The TCP ports that it looks at; every port where nothing else is said."""
    udp: PortSet
    zones: frozenset[str] = frozenset()
    """Vantage zones that it looks from; empty: all."""
    tags: frozenset[str] = frozenset()
    """It looks at assets that have one of these; empty: at every host."""
    location: SourceLocation

    def ports(self, transport: Transport) -> PortSet:
        """Give the ports it looks at over that transport."""
        match transport:
            case Transport.TCP:
                return self.tcp
            case Transport.UDP:
                return self.udp


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomRules:
    """All rules of a document."""

    rules: tuple[CustomRule, ...]
    budget_s: float
    """How long all of them together may take for one run, in seconds."""
    file: str
    digest: str
    """SHA-256 of the document's bytes, lower-case hex."""

    def get(self, rule_id: str) -> CustomRule | None:
        """Find a rule by its id, with or without `PREFIX`; None when there is none."""
        wanted = PREFIX + rule_id.removeprefix(PREFIX)
        return next((each for each in self.rules if each.id == wanted), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomJudging:
    """The rules with the means to judge by them."""

    document: CustomRules
    elapsed_s: Callable[[], float]
    """Seconds of a clock that never goes back; only differences count."""


def is_custom(rule_id: str) -> bool:
    """Whether a rule id is that of the organisation's own rule."""
    return rule_id.startswith(PREFIX)
