"""Hosts and open ports of an nmap XML report (`-oX`): imported, not witnessed.

What another scanner saw names targets here; it is never an Observation, since nobody asked a control
beside it. The XML is a stranger's: entities are refused, nothing outside the file is read, and host
elements are dropped once they were taken, so memory does not grow with the report.
"""

from __future__ import annotations

from io import BytesIO
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from portproof.model.ports import PortSet
from portproof.model.portspec import PortSpec
from portproof.model.source import EVIDENCE, IMPORTED, FileOptions
from portproof.sources.files import each_file, read_bytes
from portproof.sources.gathering import Found, Gathering, line
from portproof.sources.trees import port_number

_ROOT: Final = "nmaprun"
_ADDRESSES: Final = frozenset({"ipv4", "ipv6"})


def fill(gathering: Gathering, options: FileOptions) -> None:
    """List every host that was up.

    Raises:
        SourceError: a file cannot be read, is no report of nmap's, or ends before its end.
    """
    for path in each_file(gathering, options.patterns):
        raw = read_bytes(gathering, path)
        try:
            _read(gathering, raw)
        except ParseError as fault:
            row, column = fault.position
            problem = f"line {row}, column {column + 1}: it is no complete XML"
            raise gathering.error(problem, "let the scan end, or write it again") from None
        except DefusedXmlException:
            problem = "it declares entities, which no scanner does"
            raise gathering.error(problem, "do not trust this file") from None
        except (LookupError, ValueError) as fault:
            raise gathering.error(f"it is no XML: {fault}", "write it again") from None


def _read(gathering: Gathering, raw: bytes) -> None:
    root: Element | None = None
    for event, element in iterparse(
        BytesIO(raw), events=("start", "end"), forbid_dtd=False, forbid_entities=True
    ):
        if root is None:
            root = element
            if root.tag != _ROOT:
                problem = f"its root is <{line(root.tag)}>, not <{_ROOT}>"
                raise gathering.error(problem, "give what nmap -oX wrote")
        elif event == "end" and element.tag == "host":
            _add(gathering, element)
            root.clear()


def _add(gathering: Gathering, host: Element) -> None:
    status = host.find("status")
    if status is not None and status.get("state") == "down":
        return
    hosts = [
        each.get("addr", "")
        for each in host.findall("address")
        if each.get("addrtype", "ipv4") in _ADDRESSES
    ]
    # A name from the PTR record is the word of whoever holds the address; one that was asked is ours.
    named = host.findall("hostnames/hostname")
    asked = [each.get("name", "") for each in named if each.get("type") == "user"]
    pointed = [each.get("name", "") for each in named if each.get("type") != "user"]
    gathering.add(
        Found(
            id=hosts[0] if hosts else "",
            kind="host",
            hosts=[*hosts, *asked],
            ports=_open(host),
            attributes={EVIDENCE: IMPORTED, "scanner": "nmap", "ptr": " ".join(pointed)},
        )
    )


def _open(host: Element) -> PortSpec:
    held: dict[str, list[int]] = {"tcp": [], "udp": []}
    for port in host.findall("ports/port"):
        state, number = port.find("state"), port_number(port.get("portid"))
        there = state is not None and state.get("state") == "open"
        known = held.get(port.get("protocol", ""))
        if there and known is not None and number is not None:
            known.append(number)
    return PortSpec(PortSet.from_iterable(held["tcp"]), PortSet.from_iterable(held["udp"]))
