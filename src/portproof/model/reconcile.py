"""Outside-in against inside-out: what listens, what a firewall is meant to let through, what was seen.

Listeners and intent are documents that a host or a cloud gave. What in them is not understood is
kept by its own words and makes the answer unknown where it could matter; it is never guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_network

from portproof.model.baseline import SourceLocation
from portproof.model.endpoint import Address, Network, Transport
from portproof.model.ports import PortSet

RECONCILE_SCHEMA = "portproof.reconcile/1"


# ---------------------------------------------------------------- what listens


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """One listening socket."""

    transport: Transport
    port: int
    address: Address | None
    """None: every address of the families below."""
    versions: tuple[int, ...]
    """The IP versions it takes connections of, 4 and 6."""
    unsure: tuple[int, ...] = ()
    """Versions that it may take as well: an IPv6 wildcard socket may be dual-stack."""
    process: str = ""
    """The program, as the host says; empty when it does not."""

    def serves(self, address: Address) -> bool:
        """Whether it certainly takes what is sent to the address."""
        if self.address is not None:
            return self.address == address
        return address.version in self.versions

    def may_serve(self, address: Address) -> bool:
        """Whether it may, and nothing tells."""
        return self.address is None and address.version in self.unsure


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """The listening sockets of one host."""

    file: str
    listeners: tuple[Listener, ...]
    not_understood: tuple[str, ...] = ()
    """What the document says besides, each with its place."""


# ---------------------------------------------------------------- what is meant to be let through


class Action(StrEnum):
    """What a rule does with a new connection."""

    ALLOW = "allow"
    DENY = "deny"
    UNKNOWN = "not understood"
    JUMP = "jump"
    """Looks at the rules of another chain, and then goes on here."""
    GOTO = "goto"
    """Looks at the rules of another chain, and then leaves this one."""
    RETURN = "return"
    """Leaves the chain undecided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentRule:
    """One rule: which packets it may match, and what it does.

    What it says besides (a rate limit, a group as source) makes it `exact` no more: it may match.
    """

    action: Action
    text: str
    """The rule as it is written, or the nearest to it."""
    location: SourceLocation
    transports: frozenset[Transport] = frozenset(Transport)
    ports: PortSet
    sources: tuple[Network, ...] | None = None
    """None: from anywhere."""
    zone: str = ""
    """The zone that it is about, instead of `sources`; empty: none is named."""
    destinations: tuple[Network, ...] | None = None
    """None: every address."""
    versions: tuple[int, ...] = (4, 6)
    exact: bool = True
    then: tuple[IntentRule, ...] = ()
    """The rules of the chain that it jumps or goes to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A list of rules of which the first that matches counts, else the default."""

    name: str
    rules: tuple[IntentRule, ...]
    default: Action
    versions: tuple[int, ...] = (4, 6)
    rewrites: bool = False
    """Whether what it does not let be is sent elsewhere (address translation): what other filters
    say of such ports is then about something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What one document says about what is let through: every filter of it must allow."""

    file: str
    filters: tuple[Filter, ...]
    names_hosts: bool = False
    """Whether its rules say which hosts they are for, so that it is about all of them."""
    versions: tuple[int, ...] = (4, 6)
    """The IP versions that it tells of: `iptables-save` says nothing of IPv6."""
    not_understood: tuple[str, ...] = ()
    """What the document says besides, each with its place."""


ANYWHERE = (ip_network("0.0.0.0/0"), ip_network("::/0"))


# ---------------------------------------------------------------- the join


class Standing(StrEnum):
    """How the three accounts of a port agree."""

    EXPOSED = "exposed and listening"
    STALE = "allowed but nothing listening"
    FILTERED = "listening but filtered"
    MIDDLEBOX = "answered by a middlebox"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileRow:
    """Ports of one host on which the accounts agree in one way."""

    standing: Standing
    host: str
    transport: str
    ports: str
    """A port specification, `22,80,1000-2000`; `-` is 1 to 65535."""
    count: int
    scan: str
    """The state that was seen, or why there is none."""
    listening: str
    """The program that listens, `yes`, `no`, or `not known`."""
    intent: str
    """`allow`, `deny`, `not understood`, or empty where no document speaks of the host."""
    rule: str
    """The rule that decides, with its place; empty where none does."""
    contradiction: bool
    """Whether the accounts contradict each other: somebody has to look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileDocument:
    """One reconciliation."""

    run: str
    status: str
    at: str
    vantage: str
    zone: str
    documents: tuple[str, ...]
    rows: tuple[ReconcileRow, ...]
    not_understood: tuple[str, ...]
    notes: tuple[str, ...]
    schema: str = RECONCILE_SCHEMA

    @property
    def conclusive(self) -> bool:
        """Whether the run tells of everything that listens."""
        unknown = any(each.standing is Standing.NOT_MEASURED for each in self.rows)
        return self.status == "complete" and not unknown

    @property
    def contradicts(self) -> bool:
        """Whether any accounts contradict each other."""
        return any(each.contradiction for each in self.rows)
