"""What is meant to be let through, from a file: nftables, iptables, AWS security groups, CSV.

Which of them it is, its content tells:

    {"nftables": ...}        nft -j list ruleset
    {"SecurityGroups": ...}  aws ec2 describe-security-groups
    *filter                  iptables-save, ip6tables-save
    source,host,...          a CSV of rules, with the header `source,host,transport,ports,action`
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final

from portproof.documents.intent_draft import Draft
from portproof.documents.intent_iptables import iptables_intent
from portproof.documents.intent_nft import nft_intent
from portproof.documents.text import Text, read_text
from portproof.documents.wording import did_you_mean
from portproof.errors import DocumentError, Fault, SpecificationError
from portproof.model.baseline import SourceLocation
from portproof.model.endpoint import Network, Transport
from portproof.model.ports import PortSet
from portproof.model.portspec import parse_ports
from portproof.model.reconcile import Action, Filter, Intent, IntentRule

CSV_HEADER: Final = ("source", "host", "transport", "ports", "action")
_ANY: Final = ("any", "*", "")
_PROTOCOLS: Final = {
    "tcp": (Transport.TCP,),
    "udp": (Transport.UDP,),
    "6": (Transport.TCP,),
    "17": (Transport.UDP,),
    "-1": tuple(Transport),
}


def read_intent(path: Path, *, zones: Sequence[str]) -> Intent:
    """Read what a firewall is meant to let through; `zones` are those that a CSV may name.

    Raises:
        DocumentError: it cannot be read, or is none of the four; with every fault.
    """
    text = read_text(path)
    start = text.content.lstrip()
    if start.startswith(("{", "[")):
        return _json(text)
    if any(line.startswith("*") for line in start.splitlines()):
        return iptables_intent(text)
    return _Csv(text, zones).intent()


def _json(text: Text) -> Intent:
    try:
        document = json.loads(text.content)
    except (ValueError, RecursionError) as error:
        problem = f"is no JSON: {error}"
        raise DocumentError([text.fault(getattr(error, "pos", 0), problem)]) from None
    try:
        if isinstance(document, dict) and "nftables" in document:
            return nft_intent(text.file, document)
        if isinstance(document, dict) and "SecurityGroups" in document:
            return _aws(text.file, document)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise DocumentError([text.fault(0, f"is not as expected: {error}")]) from None
    problem = (
        "holds neither 'nftables' (nft -j list ruleset) nor 'SecurityGroups' "
        "(aws ec2 describe-security-groups)"
    )
    raise DocumentError([text.fault(0, problem)])


# ---------------------------------------------------------------- AWS


def _aws(file: str, document: dict[str, Any]) -> Intent:
    """Read security groups: whatever any of them allows is allowed, all else is not."""
    rules: list[IntentRule] = []
    odd: list[str] = []
    for group in document["SecurityGroups"]:
        name = str(group.get("GroupId", group.get("GroupName", "?")))
        for permission in group.get("IpPermissions", ()):
            rules += _permission(file, name, permission, odd)
    # What is understood comes first: an allowing rule cannot be taken back by another.
    rules.sort(key=lambda each: not each.exact)
    held = Filter(name="security groups", rules=tuple(rules), default=Action.DENY)
    return Intent(file=file, filters=(held,), not_understood=tuple(odd))


def _permission(
    file: str, group: str, permission: dict[str, Any], odd: list[str]
) -> Iterator[IntentRule]:
    protocol = str(permission.get("IpProtocol"))
    if protocol not in _PROTOCOLS:
        return  # ICMP and others have no ports
    draft = Draft().over(_PROTOCOLS[protocol]).to_ports(_aws_ports(permission))
    text = f"{group}: {protocol} {str(draft.ports) or 'no port'}"
    location = SourceLocation(file=file, line=1)
    cidrs = [str(each["CidrIp"]) for each in permission.get("IpRanges", ())]
    cidrs += [str(each["CidrIpv6"]) for each in permission.get("Ipv6Ranges", ())]
    for cidr in cidrs:
        narrowed = draft.from_networks([ip_network(cidr, strict=False)])
        yield narrowed.rule(Action.ALLOW, f"{text} from {cidr}", location)
    for each in (*permission.get("UserIdGroupPairs", ()), *permission.get("PrefixListIds", ())):
        source = str(each.get("GroupId") or each.get("PrefixListId") or "?")
        told = f"{text} from {source}"
        odd.append(f"{file}: {told}: who that is, the file does not say")
        yield draft.blurred().rule(Action.ALLOW, told, location)


def _aws_ports(permission: dict[str, Any]) -> PortSet:
    first, last = permission.get("FromPort"), permission.get("ToPort")
    if first is None or last is None or int(first) < 0:
        return PortSet.all_ports()
    return PortSet.from_ranges([(int(first), int(last))])


# ---------------------------------------------------------------- CSV


class _Csv:
    """Rules as a table: the first that matches counts, and what none allows is denied."""

    def __init__(self, text: Text, zones: Sequence[str]) -> None:
        self._text, self._zones = text, zones
        self._faults: list[Fault] = []

    def intent(self) -> Intent:
        rules = list(self._rules())
        if self._faults:
            raise DocumentError(self._faults)
        held = Filter(name="rules", rules=tuple(rules), default=Action.DENY)
        return Intent(file=self._text.file, filters=(held,), names_hosts=True)

    def _rules(self) -> Iterator[IntentRule]:
        reader = csv.reader(io.StringIO(self._text.content), strict=True)
        try:
            for row in reader:
                cells = [each.strip() for each in row]
                if reader.line_num == 1 and tuple(each.lower() for each in cells) == CSV_HEADER:
                    continue
                if reader.line_num == 1:
                    self._fault(1, f"the header must be {','.join(CSV_HEADER)}")
                    return
                if any(cells):
                    yield from self._row(reader.line_num, cells)
        except csv.Error as error:
            self._fault(reader.line_num, f"is no CSV: {error}")
        if not reader.line_num:
            self._fault(1, "the file holds nothing")

    def _row(self, line: int, cells: list[str]) -> Iterator[IntentRule]:
        if len(cells) != len(CSV_HEADER):
            self._fault(line, f"has {len(cells)} cells instead of {len(CSV_HEADER)}")
            return
        source, host, transport, ports, action = cells
        before = len(self._faults)
        draft = self._draft(line, host, transport, ports)
        zone, sources = self._source(line, source)
        if action.lower() not in (Action.ALLOW, Action.DENY):
            self._fault(line, f"the action {action!a} is neither allow nor deny")
        if len(self._faults) == before:
            yield IntentRule(
                action=Action(action.lower()),
                text=",".join(cells),
                location=SourceLocation(file=self._text.file, line=line),
                transports=draft.transports,
                ports=draft.ports,
                sources=sources,
                zone=zone,
                destinations=draft.destinations,
            )

    def _draft(self, line: int, host: str, transport: str, ports: str) -> Draft:
        draft = Draft()
        if host.lower() not in _ANY:
            network = self._network(line, host)
            draft = draft.at_networks([network] if network else [])
        if transport.lower() in ("tcp", "udp"):
            draft = draft.over(_PROTOCOLS[transport.lower()])
        elif transport.lower() not in _ANY:
            self._fault(line, f"the transport {transport!a} is neither tcp nor udp nor any")
        if ports.lower() not in _ANY:
            try:
                # As if of TCP: the cell before says which transport it is.
                draft = draft.to_ports(parse_ports(ports).tcp)
            except SpecificationError as error:
                self._fault(line, f"the ports {ports!a}: {error.problem}")
        return draft

    def _source(self, line: int, source: str) -> tuple[str, tuple[Network, ...] | None]:
        """Give the zone, or the networks; neither for any source."""
        if source.lower() in _ANY:
            return "", None
        if source in self._zones:
            return source, None
        try:
            return "", (ip_network(source),)
        except ValueError:
            hint = did_you_mean(source, self._zones)
            problem = f"the source {source!a} is no declared zone, and no address or network"
            self._fault(line, f"{problem}{hint}")
            return "", None

    def _network(self, line: int, text: str) -> Network | None:
        try:
            return ip_network(text)
        except ValueError as error:
            self._fault(line, f"the host {text!a} is no address or network: {error}")
            return None

    def _fault(self, line: int, problem: str) -> None:
        self._faults.append(Fault(self._text.file, line, 1, problem))
