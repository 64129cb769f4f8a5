"""`nft -j list ruleset`: what a host, or a firewall on the way, lets through (libnftables-json(5)).

Read are the base chains that a packet to the host meets (ingress, prerouting, input), or one that is
forwarded (ingress, prerouting, forward), and the chains that they jump to: verdicts, verdict maps,
and the matches of `intent_nft_match`. Every one of those chains must let the packet through. What a
chain of type nat sends elsewhere, and whatever else a rule says, makes its ports not understood; the
rule is named by its handle, as `nft -a list ruleset` shows it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final, TypeAlias

from portproof.documents.intent_chains import Chains, Written
from portproof.documents.intent_draft import Draft, Passage
from portproof.documents.intent_nft_match import FAMILIES, Matches
from portproof.model.reconcile import Action, Filter, Intent

_Place: TypeAlias = tuple[str, str, str]
"""Family, table and name of a chain, set or map."""

_VERDICTS: Final = {
    "accept": Action.ALLOW,
    "drop": Action.DENY,
    "reject": Action.DENY,
    "return": Action.RETURN,
    "jump": Action.JUMP,
    "goto": Action.GOTO,
    "queue": Action.UNKNOWN,
    "dnat": Action.UNKNOWN,
    "redirect": Action.UNKNOWN,
    "tproxy": Action.UNKNOWN,
    "synproxy": Action.UNKNOWN,
    "fwd": Action.UNKNOWN,
}
_HARMLESS: Final = frozenset({"counter", "log", "comment", "notrack", "dup", "flow", "ct helper"})
"""Statements that say nothing of which packets go through."""
_TARGETS: Final = {"REJECT": "reject", "LOG": "", "NFLOG": "", "DNAT": "dnat", "REDIRECT": "dnat"}
"""Targets of iptables that nft shows without their options, and what they come to."""
_REJECTED_OF: Final = {"icmp": 4, "icmpv6": 6}
"""Kinds of rejection that are of one IP version."""
_POLICIES: Final = {"accept": Action.ALLOW, "drop": Action.DENY}
_MOST_DRAFTS: Final = 1_000


def nft_intent(file: str, document: dict[str, Any], passage: Passage) -> Intent:
    """Read a ruleset.

    Raises:
        ValueError: it is none.
    """
    return _Ruleset(file, document, passage).intent()


class _Ruleset:
    def __init__(self, file: str, document: dict[str, Any], passage: Passage) -> None:
        objects = document.get("nftables")
        if not isinstance(objects, list) or not all(isinstance(each, dict) for each in objects):
            raise ValueError("'nftables' is no list of objects")
        rules = _of_kind(objects, "rule")
        tracked = not any({"notrack": None} in rule.get("expr", ()) for rule in rules)
        self._file, self._passage = file, replace(passage, tracked=tracked)
        asleep = {
            (str(held.get("family")), str(held.get("name")))
            for held in _of_kind(objects, "table")
            if "dormant" in str(held.get("flags", ""))
        }
        found = [each for each in _of_kind(objects, "chain") if _table(each) not in asleep]
        self._chains: dict[_Place, dict[str, Any]] = {_place(each): each for each in found}
        sets = [*_of_kind(objects, "set"), *_of_kind(objects, "map")]
        self._sets = {_place(each): each for each in sets}
        self._matches = Matches(self._sets, self._passage)
        self._rules: dict[_Place, list[dict[str, Any]]] = {}
        for rule in rules:
            chain = (*_table(rule), str(rule.get("chain")))
            self._rules.setdefault(chain, []).append(rule)
        self._built = Chains[_Place](file, self._written)

    def intent(self) -> Intent:
        filters = tuple(
            each for place, chain in self._chains.items() for each in self._filter(place, chain)
        )
        odd = tuple(dict.fromkeys(self._built.odd))
        through = self._passage.forward
        return Intent(file=self._file, filters=filters, not_understood=odd, names_hosts=through)

    def _filter(self, place: _Place, chain: dict[str, Any]) -> Iterator[Filter]:
        last = "forward" if self._passage.forward else "input"
        hook, family = str(chain.get("hook", "")), place[0]
        if hook not in ("ingress", "prerouting", last):
            return
        if family not in FAMILIES and hook != "ingress":
            if self._rules.get(place):
                what = f"chain {' '.join(place)} (hook {hook}) is not read"
                self._built.odd.append(f"{self._file}: {what}")
            return
        rewrites = chain.get("type") == "nat"
        if rewrites and hook != "prerouting":
            return  # only where packets leave do such chains change anything, and then their source
        default = _POLICIES.get(str(chain.get("policy", "accept")), Action.UNKNOWN)
        rules = self._built.rules(place) or ()
        versions = FAMILIES.get(family, (4, 6))
        yield Filter(
            name=" ".join(place), rules=rules, default=default, versions=versions, rewrites=rewrites
        )

    # ------------------------------------------------------------ one chain, one rule

    def _written(self, place: _Place) -> Iterator[Written[_Place]] | None:
        chain = self._chains.get(place)
        if chain is None:
            return None
        start = Draft(versions=FAMILIES.get(place[0], (4, 6)))
        if chain.get("hook") == "ingress":
            start = start.blurred()  # of one device: which one packets come in by, nobody says
        rules = self._rules.get(place, ())
        return (each for rule in rules for each in self._rule(rule, place, start))

    def _rule(self, rule: dict[str, Any], place: _Place, start: Draft) -> Iterator[Written[_Place]]:
        """Read a rule to its verdict; one without any lets every packet go on."""
        text = f"{' '.join(place)} handle {rule.get('handle')}"
        if rule.get("comment"):
            text = f'{text} "{rule["comment"]}"'
        drafts, strange = [start], False
        for part in rule.get("expr", ()):
            name, held = _statement(part)
            if name in _VERDICTS:
                yield from self._verdict(drafts, name, held, place=place, text=text)
                return
            if name == "vmap":
                yield from self._mapped(drafts, held, place=place, text=text)
            elif name == "match":
                drafts = self._narrowed(drafts, held, place)
            elif name not in _HARMLESS and not _only_marks(name, held):
                drafts, strange = [each.blurred() for each in drafts], True
        if strange:
            yield from self._verdict(drafts, "queue", None, place=place, text=text)

    def _narrowed(self, drafts: list[Draft], held: Any, place: _Place) -> list[Draft]:
        found = [
            narrowed
            for each in drafts
            for narrowed in self._matches.narrowed(each, held, place[:2])
        ]
        return found if len(found) <= _MOST_DRAFTS else [each.blurred() for each in drafts]

    def _verdict(
        self, drafts: list[Draft], name: str, held: Any, *, place: _Place, text: str
    ) -> Iterator[Written[_Place]]:
        action = _VERDICTS[name]
        target = None
        if action in (Action.JUMP, Action.GOTO):
            target = (*place[:2], str(held["target"]))
        for draft in drafts:
            narrowed = _rejected(draft, held) if name == "reject" else draft
            yield Written(draft=narrowed, action=action, text=text, target=target)

    def _mapped(
        self, drafts: list[Draft], held: Any, *, place: _Place, text: str
    ) -> Iterator[Written[_Place]]:
        """Read a verdict map: each of its elements is a rule; what none matches goes on."""
        try:
            elements = [(key, *_statement(verdict)) for key, verdict in self._elements(held, place)]
        except (ValueError, TypeError, KeyError, AttributeError, StopIteration):
            yield from self._verdict(drafts, "queue", None, place=place, text=text)
            return
        for key, name, of in elements:
            for draft in drafts:
                found = self._matches.keyed(draft, held["key"], key)
                known = name if name in _VERDICTS else "queue"
                if name != "continue":
                    yield from self._verdict(found, known, of, place=place, text=text)

    def _elements(self, held: Any, place: _Place) -> list[Any]:
        data = held["data"]
        if isinstance(data, str):
            return list(self._sets[(*place[:2], data.removeprefix("@"))].get("elem", []))
        return list(data["set"])


def _of_kind(objects: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [held for each in objects if isinstance(held := each.get(kind), dict)]


def _table(held: dict[str, Any]) -> tuple[str, str]:
    return str(held.get("family")), str(held.get("table"))


def _place(held: dict[str, Any]) -> _Place:
    return (*_table(held), str(held.get("name")))


def _statement(part: Any) -> tuple[str, Any]:
    """Give the name of a statement and what it holds; a target of iptables as what it comes to."""
    name, held = next(iter(part.items()))
    if name != "xt":
        return name, held
    if held.get("type") == "match":
        return ("comment" if held.get("name") == "comment" else "xt"), held
    return _TARGETS.get(str(held.get("name")), "queue") or "log", held


def _rejected(draft: Draft, held: Any) -> Draft:
    """Narrow a rejection to the family that its kind says.

    In a table of both families nft (tried with 1.0.6) does not show a family before `with tcp reset`,
    so there it may be about one of them only.
    """
    kind = str(held.get("type")) if isinstance(held, dict) else ""
    if kind in _REJECTED_OF:
        return draft.of_version(_REJECTED_OF[kind])
    return draft.blurred() if kind == "tcp reset" and len(draft.versions) > 1 else draft


def _only_marks(name: str, held: Any) -> bool:
    """Whether a statement sets a mark or another note of the kernel's, and nothing of the packet."""
    if name == "mangle" and isinstance(held, dict):
        key = held.get("key")
        return isinstance(key, dict) and next(iter(key), "") in ("meta", "ct")
    return False
