"""`nft -j list ruleset`: what the input chains of a host let through (libnftables-json(5)).

Read are base chains of type filter that hook input, the chains they jump to, matches on transport,
destination port, addresses, family, connection state and the loopback interface, and the verdicts.
A rule with anything else may match, and is named. `nft -a list ruleset` shows the handles.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_network
from typing import Any, Final

from portproof.documents.intent_draft import Draft, networks_between
from portproof.model.baseline import SourceLocation
from portproof.model.endpoint import Network, Transport
from portproof.model.ports import PortSet
from portproof.model.reconcile import Action, Filter, Intent, IntentRule

_FAMILIES: Final[Mapping[str, tuple[int, ...]]] = {"ip": (4,), "ip6": (6,), "inet": (4, 6)}
_EARLIER_HOOKS: Final = frozenset({"prerouting", "ingress"})
"""Chains that see a packet before input does, and may drop or redirect it."""
_VERDICTS: Final = {
    "accept": Action.ALLOW,
    "drop": Action.DENY,
    "reject": Action.DENY,
    "return": Action.UNKNOWN,
    "queue": Action.UNKNOWN,
    "vmap": Action.UNKNOWN,
}
_HARMLESS: Final = frozenset({"counter", "log", "comment"})
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
_DEEPEST: Final = 16
"""Chains that jump to one another; the kernel's own limit (NFT_JUMP_STACK_SIZE)."""
_MOST_RULES: Final = 100_000


def nft_intent(file: str, document: dict[str, Any]) -> Intent:
    """Read a ruleset.

    Raises:
        ValueError: it is none.
    """
    return _Ruleset(file, document).intent()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """Where the reading stands: in which chain, under which conditions, how many jumps deep."""

    place: tuple[str, str, str]
    draft: Draft
    default: Action
    depth: int = 0


class _Ruleset:
    def __init__(self, file: str, document: dict[str, Any]) -> None:
        objects = document.get("nftables")
        if not isinstance(objects, list) or not all(isinstance(each, dict) for each in objects):
            raise ValueError("'nftables' is no list of objects")
        self._file = file
        self._odd: list[str] = []
        self._count = 0
        self._chains = [each["chain"] for each in objects if isinstance(each.get("chain"), dict)]
        self._sets = {_key(each["set"]): each["set"] for each in objects if "set" in each}
        self._rules: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
        for each in objects:
            if isinstance(rule := each.get("rule"), dict):
                chain = str(rule.get("chain"))
                self._rules.setdefault((*_table(rule), chain), []).append(rule)

    def intent(self) -> Intent:
        filters = []
        for chain in self._chains:
            place = (*_table(chain), str(chain.get("name")))
            hook, family = chain.get("hook"), place[0]
            if hook in _EARLIER_HOOKS and self._rules.get(place):
                self._odd.append(f"{self._file}: chain {' '.join(place)} (hook {hook}) is not read")
            if hook == "input" and family in _FAMILIES:
                filters.append(self._filter(chain, place))
        return Intent(
            file=self._file,
            filters=tuple(filters),
            not_understood=tuple(dict.fromkeys(self._odd)),
        )

    def _filter(self, chain: dict[str, Any], place: tuple[str, str, str]) -> Filter:
        default = Action.DENY if chain.get("policy") == "drop" else Action.ALLOW
        versions = _FAMILIES[place[0]]
        step = _Step(place=place, draft=Draft(versions=versions), default=default)
        rules = tuple(self._walk(step))
        return Filter(name=" ".join(place), rules=rules, default=default, versions=versions)

    def _walk(self, step: _Step) -> Iterator[IntentRule]:
        for rule in self._rules.get(step.place, ()):
            self._count += 1
            if self._count > _MOST_RULES:
                raise ValueError(f"has more than {_MOST_RULES:,} rules, jumps counted in")
            yield from self._rule(rule, step)

    def _rule(self, rule: dict[str, Any], step: _Step) -> Iterator[IntentRule]:
        """Read a rule to its verdict; one without any lets every packet go on."""
        text, draft = f"{' '.join(step.place)} handle {rule.get('handle')}", step.draft
        for part in rule.get("expr", ()):
            name, held = next(iter(part.items()))
            if name in _VERDICTS:
                yield from self._verdict(draft, _VERDICTS[name], text)
                return
            if name in ("jump", "goto"):
                yield from self._jump(replace(step, draft=draft), str(held["target"]), text)
                if name == "goto":
                    yield from self._verdict(draft, step.default, text)
                return
            draft = self._narrowed(draft, name, held, step.place)

    def _verdict(self, draft: Draft, action: Action, text: str) -> Iterator[IntentRule]:
        if draft.never:
            return
        if not draft.exact or action is Action.UNKNOWN:
            self._odd.append(f"{self._file}: {text}")
        yield draft.rule(action, text, SourceLocation(file=self._file, line=1))

    def _jump(self, step: _Step, target: str, text: str) -> Iterator[IntentRule]:
        if step.depth >= _DEEPEST:
            yield from self._verdict(step.draft, Action.UNKNOWN, text)
        elif not step.draft.never:
            place = (*step.place[:2], target)
            yield from self._walk(replace(step, place=place, depth=step.depth + 1))

    # ------------------------------------------------------------ conditions

    def _narrowed(self, draft: Draft, name: str, held: Any, place: tuple[str, str, str]) -> Draft:
        if name in _HARMLESS:
            return draft
        if name != "match" or not isinstance(held, dict):
            return draft.blurred()
        left, right = held.get("left"), held.get("right")
        try:
            if held.get("op") not in ("==", "in"):
                return _unequal(draft, left, right)
            return self._match(draft, left, self._values(right, place[:2]))
        except (ValueError, TypeError, KeyError, AttributeError):
            return draft.blurred()

    def _match(self, draft: Draft, left: Any, values: list[Any]) -> Draft:
        kind, of = next(iter(left.items()))
        if kind == "ct" and of.get("key") == "state":
            return draft.in_state(map(str, values))
        if kind == "meta":
            return _meta(draft, str(of.get("key")), values)
        if kind == "payload":
            return _payload(draft, str(of.get("protocol")), str(of.get("field")), values)
        return draft.blurred()

    def _values(self, right: Any, table: tuple[str, str]) -> list[Any]:
        """Give the values of the right side; a named set stands for its elements."""
        if isinstance(right, str) and right.startswith("@"):
            held = self._sets[(*table, right[1:])].get("elem", [])
            return [each.get("elem", each) if isinstance(each, dict) else each for each in held]
        if isinstance(right, dict) and "set" in right:
            return list(right["set"])
        return list(right) if isinstance(right, list) else [right]


def _table(held: dict[str, Any]) -> tuple[str, str]:
    return str(held.get("family")), str(held.get("table"))


def _key(held: dict[str, Any]) -> tuple[str, str, str]:
    return (*_table(held), str(held.get("name")))


def _unequal(draft: Draft, left: Any, right: Any) -> Draft:
    if left in ({"meta": {"key": "iif"}}, {"meta": {"key": "iifname"}}) and right == "lo":
        return draft
    return draft.blurred()


def _meta(draft: Draft, key: str, values: list[Any]) -> Draft:
    names = [str(each) for each in values]
    if key == "l4proto":
        return _protocols(draft, names)
    if key == "nfproto" and len(names) == 1:
        return draft.of_version({"ipv4": 4, "ipv6": 6}[names[0]])
    if key in ("iif", "iifname") and len(names) == 1:
        return draft.through(names[0])
    return draft.blurred()


def _payload(draft: Draft, protocol: str, field: str, values: list[Any]) -> Draft:
    if protocol in _WITHOUT_PORTS:
        return draft.over(())
    match f"{protocol} {field}":
        case "tcp dport" | "udp dport" | "th dport":
            named = draft if protocol == "th" else draft.over((_TRANSPORTS[protocol],))
            return named.to_ports(_ports(values))
        case "ip saddr" | "ip6 saddr":
            return draft.of_version(_FAMILIES[protocol][0]).from_networks(_networks(values))
        case "ip daddr" | "ip6 daddr":
            return draft.of_version(_FAMILIES[protocol][0]).at_networks(_networks(values))
        case "ip protocol" | "ip6 nexthdr":
            version = draft.of_version(_FAMILIES[protocol][0])
            return _protocols(version, [str(each) for each in values])
        case _:
            return draft.blurred()


def _protocols(draft: Draft, names: list[str]) -> Draft:
    """Narrow it to protocols; one that is neither TCP nor UDP is no business of ports."""
    return draft.over(_TRANSPORTS[each] for each in names if each in _TRANSPORTS)


def _ports(values: list[Any]) -> PortSet:
    ranges = []
    for each in values:
        first, last = each["range"] if isinstance(each, dict) else (each, each)
        ranges.append((int(first), int(last)))
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
