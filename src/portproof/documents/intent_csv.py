"""Rules of any firewall as a CSV: `source,host,transport,ports,action`."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from ipaddress import ip_network
from typing import Final

from portproof.documents.intent_draft import Draft
from portproof.documents.text import Text
from portproof.documents.wording import did_you_mean
from portproof.errors import DocumentError, Fault, SpecificationError
from portproof.model.baseline import SourceLocation
from portproof.model.endpoint import Network, Transport
from portproof.model.portspec import parse_ports
from portproof.model.reconcile import Action, Filter, Intent, IntentRule

CSV_HEADER: Final = ("source", "host", "transport", "ports", "action")
_ANY: Final = ("any", "*", "")
_TRANSPORTS: Final = {"tcp": Transport.TCP, "udp": Transport.UDP}


def csv_intent(text: Text, zones: Sequence[str]) -> Intent:
    """Read rules; `zones` are those that they may name.

    Raises:
        DocumentError: with every fault.
    """
    return _Csv(text, zones).intent()


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
        if transport.lower() in _TRANSPORTS:
            draft = draft.over((_TRANSPORTS[transport.lower()],))
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
