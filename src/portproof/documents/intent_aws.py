"""`aws ec2 describe-security-groups`: what the groups of an instance let in.

All groups of the document count together, as AWS has it: whatever any of them allows is allowed, and
all else is not. So the document holds the groups of the host that it is about, and no others
(`--group-ids`). Another group, or a prefix list, as the source says nothing of addresses: such a
permission may be about the vantage.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any, Final

from portproof.documents.intent_draft import Draft
from portproof.documents.text import Text
from portproof.model.baseline import SourceLocation
from portproof.model.endpoint import Transport
from portproof.model.ports import HIGHEST_PORT, PortSet
from portproof.model.reconcile import Action, Filter, Intent, IntentRule

_OPENING: Final = re.compile(r"[\s,]*\{")
_PROTOCOLS: Final = {
    "tcp": (Transport.TCP,),
    "udp": (Transport.UDP,),
    "6": (Transport.TCP,),
    "17": (Transport.UDP,),
    "-1": tuple(Transport),
}
"""As the API gives them: `-1` is all of them; ICMP and the others have no ports."""


def aws_intent(text: Text, document: dict[str, Any]) -> Intent:
    """Read security groups.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: they are not as AWS gives them.
    """
    rules: list[IntentRule] = []
    odd: list[str] = []
    offsets = list(_offsets(text.content))
    for number, group in enumerate(document["SecurityGroups"]):
        line, _ = text.place(offsets[number] if number < len(offsets) else 0)
        held = _Group(SourceLocation(file=text.file, line=line), group)
        for permission in group.get("IpPermissions", ()):
            rules += held.permission(permission)
        odd += held.odd
    # What is understood comes first: an allowing rule cannot be taken back by another.
    rules.sort(key=lambda each: not each.exact)
    together = Filter(name="security groups", rules=tuple(rules), default=Action.DENY)
    return Intent(file=text.file, filters=(together,), not_understood=tuple(odd))


class _Group:
    def __init__(self, location: SourceLocation, group: dict[str, Any]) -> None:
        self._location = location
        self._name = str(group.get("GroupId", group.get("GroupName", "?")))
        self.odd: list[str] = []

    def permission(self, held: dict[str, Any]) -> Iterator[IntentRule]:
        """Give a rule for each source of one permission."""
        protocol = str(held.get("IpProtocol"))
        if protocol not in _PROTOCOLS:
            return
        draft = Draft().over(_PROTOCOLS[protocol]).to_ports(_ports(held, protocol))
        if draft.never:
            return
        shown = "all traffic" if protocol == "-1" else f"{protocol} {draft.ports}"
        for each in (*held.get("IpRanges", ()), *held.get("Ipv6Ranges", ())):
            source = ip_network(str(each.get("CidrIp") or each["CidrIpv6"]), strict=False)
            narrowed = draft.from_networks([source]).of_version(source.version)
            yield self._rule(narrowed, f"{shown} from {source}", each)
        for each in (*held.get("UserIdGroupPairs", ()), *held.get("PrefixListIds", ())):
            named = str(each.get("GroupId") or each.get("PrefixListId") or each.get("GroupName"))
            rule = self._rule(draft.blurred(), f"{shown} from {named}", each)
            place = f"{self._location.file}:{self._location.line}"
            self.odd.append(f"{place}: {rule.text}: who that is, the file does not say")
            yield rule

    def _rule(self, draft: Draft, told: str, source: dict[str, Any]) -> IntentRule:
        described = source.get("Description")
        text = f'{self._name}: {told} "{described}"' if described else f"{self._name}: {told}"
        return draft.rule(Action.ALLOW, text, self._location)


def _offsets(content: str) -> Iterator[int]:
    """Give where each group begins in the text, as far as the text is laid out as AWS does."""
    decoder = json.JSONDecoder()
    at = content.find("[", content.find('"SecurityGroups"')) + 1
    while found := _OPENING.match(content, at):
        yield found.end() - 1
        _, at = decoder.raw_decode(content, found.end() - 1)


def _ports(held: dict[str, Any], protocol: str) -> PortSet:
    """Give the ports of a permission: all where it names none, and 0 is none that anybody has."""
    first, last = held.get("FromPort"), held.get("ToPort")
    if protocol == "-1" or first is None or last is None or int(first) < 0:
        return PortSet.all_ports()
    if int(last) < 1:
        return PortSet.empty()
    return PortSet.from_ranges([(max(1, int(first)), min(HIGHEST_PORT, int(last)))])
