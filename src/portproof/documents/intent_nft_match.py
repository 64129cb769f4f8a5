"""The matches of nftables' JSON (libnftables-json(5)): what a packet must be for a statement to match.

A match gives alternatives: one draft, or one for each element of a set of concatenations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import ip_network
from typing import Any, Final, TypeAlias

from portproof.documents.intent_draft import Draft, Passage, all_but, networks_between
from portproof.model.endpoint import Network, Transport
from portproof.model.ports import PortSet

Sets: TypeAlias = Mapping[tuple[str, str, str], Mapping[str, Any]]
"""Named sets and maps by family, table and name."""

FAMILIES: Final[Mapping[str, tuple[int, ...]]] = {"ip": (4,), "ip6": (6,), "inet": (4, 6)}
_TRANSPORTS: Final = {
    "tcp": Transport.TCP,
    "udp": Transport.UDP,
    "6": Transport.TCP,
    "17": Transport.UDP,
}
_WITHOUT_PORTS: Final = frozenset(
    {"icmp", "icmpv6", "igmp", "sctp", "dccp", "ah", "esp", "comp", "gre"}
)
"""A match on a field of their headers says that the packet is neither TCP nor UDP."""
_VERSIONS: Final = {"ipv4": 4, "ipv6": 6, "ip": 4, "ip6": 6}
_MOST_ALTERNATIVES: Final = 1_000
_UNREADABLE: Final = (ValueError, TypeError, KeyError, AttributeError, StopIteration)
_FIRST_PACKET: Final = frozenset({"syn"})
"""Of the flags of TCP, those that the first packet of a connection has (RFC 9293 §3.5)."""


class Matches:
    """Reads matches in the light of the document's sets and of the way that packets take."""

    def __init__(self, sets: Sets, passage: Passage) -> None:
        self._sets = sets
        self._passage = passage

    def narrowed(self, draft: Draft, held: Any, table: tuple[str, str]) -> list[Draft]:
        """Give what is left of a draft once a `match` statement holds; what is not read blurs it."""
        try:
            negated = held.get("op") == "!="
            if not negated and held.get("op") not in ("==", "in"):
                return [draft.blurred()]
            return self._alternatives(
                draft, held["left"], self.values(held["right"], table), negated=negated
            )
        except _UNREADABLE:
            return [draft.blurred()]

    def keyed(self, draft: Draft, key: Any, value: Any) -> list[Draft]:
        """Give what is left of a draft for one element of a verdict map."""
        try:
            return self._alternatives(draft, key, [_bare(value)], negated=False)
        except _UNREADABLE:
            return [draft.blurred()]

    def values(self, right: Any, table: tuple[str, str]) -> list[Any]:
        """Give the values of the right side; a named set stands for its elements.

        Raises:
            KeyError: there is no such set.
        """
        if isinstance(right, str) and right.startswith("@"):
            right = self._sets[(*table, right[1:])].get("elem", [])
        elif isinstance(right, dict) and "set" in right:
            right = right["set"]
        return [_bare(each) for each in (right if isinstance(right, list) else [right])]

    def _alternatives(
        self, draft: Draft, left: Any, values: list[Any], *, negated: bool
    ) -> list[Draft]:
        kind, of = next(iter(left.items()))
        if kind != "concat":
            return [self._condition(draft, kind, of, values, negated=negated)]
        if negated or len(values) > _MOST_ALTERNATIVES:
            return [draft.blurred()]
        return [self._each(draft, of, value["concat"]) for value in values]

    def _each(self, draft: Draft, lefts: Sequence[Any], values: Sequence[Any]) -> Draft:
        for left, value in zip(lefts, values, strict=True):
            kind, of = next(iter(left.items()))
            draft = self._condition(draft, kind, of, [_bare(value)], negated=False)
        return draft

    def _condition(
        self, draft: Draft, kind: str, of: Any, values: list[Any], *, negated: bool
    ) -> Draft:
        match kind:
            case "ct" if of.get("key") == "state":
                tracked = self._passage.tracked
                return draft.in_state(map(str, values), negated=negated, tracked=tracked)
            case "meta":
                names = list(map(str, values))
                return self._meta(draft, str(of.get("key")), names, negated=negated)
            case "payload":
                return _payload(draft, of, values, negated=negated)
            case "&":
                return _flags(draft, of, values, negated=negated)
            case "fib" if of == {"result": "type", "flags": ["daddr"]} and values == ["local"]:
                ours = not self._passage.forward
                return draft if ours is not negated else draft.impossible()
            case _:
                return draft.blurred()

    def _meta(self, draft: Draft, key: str, names: list[str], *, negated: bool) -> Draft:
        match key:
            case "l4proto":
                return _protocols(draft, names, negated=negated)
            case "nfproto" | "protocol" if len(names) == 1:
                version = _VERSIONS[names[0]]
                return draft.of_version({4: 6, 6: 4}[version] if negated else version)
            case "iif" | "iifname":
                return draft.through(names, self._passage.enters, negated=negated)
            case "oif" | "oifname" if self._passage.leaves:
                return draft.through(names, self._passage.leaves, negated=negated)
            case _:
                return draft.blurred()


def _bare(value: Any) -> Any:
    """Give an element without its counter, time-out or comment."""
    if isinstance(value, dict) and isinstance(held := value.get("elem"), dict):
        return held["val"]
    return value


def _payload(draft: Draft, of: Any, values: list[Any], *, negated: bool) -> Draft:
    protocol, field = str(of.get("protocol")), str(of.get("field"))
    if protocol in _WITHOUT_PORTS:
        return draft.over(())
    match f"{protocol} {field}":
        case "tcp dport" | "udp dport" | "th dport":
            named = draft if protocol == "th" else draft.over((_TRANSPORTS[protocol],))
            ports = _ports(values)
            return named.to_ports(PortSet.all_ports() - ports if negated else ports)
        case "tcp flags" if len(values) == 1:
            return _flags(draft, [{"payload": of}, values], values, negated=negated)
        case "ip saddr" | "ip6 saddr" | "ip daddr" | "ip6 daddr":
            version = FAMILIES[protocol][0]
            networks = _networks(values)
            held = all_but(networks, version) if negated else tuple(networks)
            versed = draft.of_version(version)
            return versed.from_networks(held) if field == "saddr" else versed.at_networks(held)
        case "ip protocol" | "ip6 nexthdr":
            versed = draft.of_version(FAMILIES[protocol][0])
            return _protocols(versed, [str(each) for each in values], negated=negated)
        case _:
            return draft.blurred()


def _flags(draft: Draft, of: Any, values: list[Any], *, negated: bool) -> Draft:
    """Read `tcp flags & (fin|syn|rst|ack) == syn`: of a new connection's first packet, or of others."""
    left, mask = of
    if left != {"payload": {"protocol": "tcp", "field": "flags"}}:
        return draft.blurred()
    masked = frozenset(mask if isinstance(mask, list) else [mask])
    wanted = frozenset(values)
    if wanted - masked or not all(isinstance(each, str) for each in masked | wanted):
        return draft.blurred()
    met = (masked & _FIRST_PACKET) == wanted
    narrowed = draft.over((Transport.TCP,))
    return narrowed if met is not negated else narrowed.impossible()


def _protocols(draft: Draft, names: list[str], *, negated: bool) -> Draft:
    """Narrow it to protocols; one that is neither TCP nor UDP is no business of ports."""
    held = frozenset(_TRANSPORTS[each] for each in names if each in _TRANSPORTS)
    return draft.over(frozenset(Transport) - held if negated else held)


def _ports(values: list[Any]) -> PortSet:
    ranges = []
    for each in values:
        first, last = each["range"] if isinstance(each, dict) else (each, each)
        ranges.append((max(1, int(first)), int(last)))
    return PortSet.from_ranges(ranges)


def _networks(values: list[Any]) -> list[Network]:
    held: list[Network] = []
    for each in values:
        if isinstance(each, str):
            held.append(ip_network(each))
        elif "prefix" in each:
            held.append(ip_network((each["prefix"]["addr"], each["prefix"]["len"])))
        else:
            held += networks_between(*each["range"])
    return held
