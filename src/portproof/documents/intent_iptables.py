"""`iptables-save` and `ip6tables-save`: what the INPUT chain of a host lets through.

Read are the filter table's INPUT and the chains it jumps to: protocol, destination port, addresses,
connection state, the loopback interface, and the targets ACCEPT, DROP, REJECT and LOG. A rule with
anything else may match, and is named with its line.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Final

from portproof.documents.intent_draft import Draft
from portproof.documents.text import Text
from portproof.errors import DocumentError, Fault
from portproof.model.baseline import SourceLocation
from portproof.model.endpoint import Transport
from portproof.model.ports import PortSet
from portproof.model.reconcile import Action, Filter, Intent, IntentRule

_TARGETS: Final = {
    "ACCEPT": Action.ALLOW,
    "DROP": Action.DENY,
    "REJECT": Action.DENY,
    "RETURN": Action.UNKNOWN,
}
_GOES_ON: Final = frozenset({"LOG", "NFLOG", "MARK", "CONNMARK", "AUDIT"})
"""Targets after which the next rule is looked at."""
_KNOWN_MATCHES: Final = frozenset({"tcp", "udp", "multiport", "state", "conntrack", "comment"})
_DEEPEST: Final = 32
_MOST_RULES: Final = 100_000
_EARLIER: Final = frozenset({"PREROUTING", "INPUT"})
"""Chains of other tables that may drop or redirect what comes in."""


@dataclass(slots=True)
class _Table:
    policies: dict[str, str] = field(default_factory=dict)
    rules: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    """By chain: line number and the rule without `-A CHAIN`."""


def iptables_intent(text: Text) -> Intent:
    """Read what `iptables-save` printed.

    Raises:
        DocumentError: it is not that.
    """
    tables = _tables(text)
    if "filter" not in tables or "INPUT" not in tables["filter"].policies:
        problem = "has no table *filter with a chain INPUT: write it with `iptables-save`"
        raise DocumentError([text.fault(0, problem)])
    version = 6 if "ip6tables-save" in text.content[:200] else 4
    return _Reader(text, tables["filter"], version).intent(_elsewhere(text.file, tables))


def _tables(text: Text) -> dict[str, _Table]:
    tables: dict[str, _Table] = {}
    current = _Table()
    for number, raw in enumerate(text.content.splitlines(), 1):
        line = raw.strip()
        if line.startswith("*"):
            current = tables.setdefault(line[1:], _Table())
        elif line.startswith(":"):
            name, policy = [*line[1:].split(), "-", "-"][:2]
            current.policies[name] = policy
        elif line.startswith(("-A ", "[")):
            _, _, rule = line.partition("-A ")
            chain, _, rest = rule.partition(" ")
            current.rules.setdefault(chain, []).append((number, rest))
        elif line and line != "COMMIT" and not line.startswith("#"):
            problem = f"{line[:60]!a} is no line of `iptables-save`"
            raise DocumentError([Fault(text.file, number, 1, problem)])
    return tables


def _elsewhere(file: str, tables: dict[str, _Table]) -> Iterator[str]:
    for name, table in tables.items():
        for chain in _EARLIER & table.rules.keys():
            if name != "filter":
                yield f"{file}: table {name}, chain {chain} is not read"


class _Reader:
    def __init__(self, text: Text, table: _Table, version: int) -> None:
        self._file, self._table, self._version = text.file, table, version
        self._odd: list[str] = []
        self._count = 0

    def intent(self, elsewhere: Iterator[str]) -> Intent:
        policy = self._table.policies["INPUT"]
        default = Action.ALLOW if policy == "ACCEPT" else Action.DENY
        draft = Draft(versions=(self._version,))
        rules = tuple(self._walk("INPUT", draft, default, 0))
        held = Filter(name="INPUT", rules=rules, default=default, versions=(self._version,))
        odd = (*self._odd, *sorted(elsewhere))
        return Intent(file=self._file, filters=(held,), not_understood=tuple(dict.fromkeys(odd)))

    def _walk(self, chain: str, draft: Draft, default: Action, depth: int) -> Iterator[IntentRule]:
        for number, text in self._table.rules.get(chain, ()):
            self._count += 1
            if self._count > _MOST_RULES:
                problem = f"has more than {_MOST_RULES:,} rules, jumps counted in"
                raise DocumentError([Fault(self._file, number, 1, problem)])
            held = _Line(self._words(number, text)).read(draft)
            yield from self._end(held, (chain, number, text), default, depth)

    def _words(self, number: int, text: str) -> list[str]:
        try:
            return shlex.split(text)
        except ValueError as error:
            raise DocumentError([Fault(self._file, number, 1, f"{error}")]) from None

    def _end(
        self, held: _Line, at: tuple[str, int, str], default: Action, depth: int
    ) -> Iterator[IntentRule]:
        draft, target = held.draft, held.target
        if draft.never or not target or target in _GOES_ON:
            return
        if target in _TARGETS:
            yield self._rule(draft, _TARGETS[target], at)
        elif target not in self._table.policies or depth >= _DEEPEST:
            yield self._rule(draft, Action.UNKNOWN, at)
        else:
            yield from self._walk(target, draft, default, depth + 1)
            if held.goes:
                yield self._rule(draft, default, at)

    def _rule(self, draft: Draft, action: Action, at: tuple[str, int, str]) -> IntentRule:
        chain, number, text = at
        told = f"-A {chain} {text}"
        if not draft.exact or action is Action.UNKNOWN:
            self._odd.append(f"{self._file}:{number}: {told}")
        return draft.rule(action, told, SourceLocation(file=self._file, line=number))


class _Line:
    """One rule, word by word: `draft` is what it matches, `target` what it does."""

    def __init__(self, words: list[str]) -> None:
        self._words = words
        self.draft = Draft()
        self.target = ""
        self.goes = False
        """Whether it goes to the target (-g) instead of jumping: it does not come back."""

    def read(self, draft: Draft) -> _Line:
        self.draft = draft
        while self._words and not self.target:
            word = self._words.pop(0)
            if word == "!":
                self._negated()
            else:
                self._option(word)
        return self

    def _value(self) -> str:
        return self._words.pop(0) if self._words else ""

    def _negated(self) -> None:
        option, value = self._value(), self._value()
        # "not by loopback" holds for whatever comes from elsewhere.
        if (option, value) != ("-i", "lo"):
            self.draft = self.draft.blurred()

    def _option(self, word: str) -> None:
        try:
            self._known(word)
        except ValueError:
            self.draft = self.draft.blurred()

    def _known(self, word: str) -> None:
        match word:
            case "-j" | "-g":
                self.target, self.goes = self._value(), word == "-g"
            case "-p":
                self.draft = _protocol(self.draft, self._value())
            case "-s" | "-d":
                self._address(word)
            case "-i":
                self.draft = self.draft.through(self._value())
            case "--dport" | "--dports":
                self.draft = self.draft.to_ports(_ports(self._value()))
            case "--state" | "--ctstate":
                self.draft = self.draft.in_state(self._value().split(","))
            case _:
                self._match(word)

    def _address(self, word: str) -> None:
        networks = [ip_network(self._value(), strict=False)]
        narrow = self.draft.from_networks if word == "-s" else self.draft.at_networks
        self.draft = narrow(networks)

    def _match(self, word: str) -> None:
        if word == "-m":
            if self._value() not in _KNOWN_MATCHES:
                self.draft = self.draft.blurred()
        elif word == "--comment":
            self._value()
        else:
            self.draft = self.draft.blurred()


def _protocol(draft: Draft, name: str) -> Draft:
    match name:
        case "tcp" | "6":
            return draft.over((Transport.TCP,))
        case "udp" | "17":
            return draft.over((Transport.UDP,))
        case "all" | "0":
            return draft
        case _:
            return draft.over(())


def _ports(text: str) -> PortSet:
    """Read `80`, `8000:8010` or a list of them.

    Raises:
        ValueError: it is none.
    """
    ranges = []
    for each in text.split(","):
        first, colon, last = each.partition(":")
        ranges.append((int(first), int(last if colon else first)))
    return PortSet.from_ranges(ranges)
