"""What nmap found to answer (`-sV`), for drafts of baselines: its word, and not an Observation.

Only what nmap asked for and recognised counts (`method="probed"`); a name that it took from its table
of port numbers is a guess, and `tcpwrapped` says that nothing was told. Names are nmap's, but for a
protocol inside TLS, which it writes as the protocol and a tunnel.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from io import BytesIO
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from portproof.model.endpoint import Address, Endpoint, Transport
from portproof.sources.files import read_bytes
from portproof.sources.gathering import Gathering
from portproof.sources.trees import port_number

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.+-]{0,31}")
_UNTOLD: Final = frozenset({"tcpwrapped", "unknown"})
_INSIDE_TLS: Final = {"ftp": "ftps", "http": "https", "smtp": "smtps", "ssl": "tls"}
_TRANSPORTS: Final = {"tcp": Transport.TCP, "udp": Transport.UDP}


def probed_services(gathering: Gathering, path: Path) -> Mapping[Endpoint, str]:
    """Give the names of recognised services by endpoint, of the open ports in a report.

    Raises:
        SourceError: the file cannot be read, or is no whole XML.
    """
    raw = read_bytes(gathering, path)
    found: dict[Endpoint, str] = {}
    try:
        root: Element | None = None
        for event, element in iterparse(
            BytesIO(raw), events=("start", "end"), forbid_dtd=False, forbid_entities=True
        ):
            root = element if root is None else root
            if event == "end" and element.tag == "host":
                gathering.go_on()
                found.update(_of_host(element))
                root.clear()
    except (ParseError, DefusedXmlException, LookupError, ValueError) as fault:
        raise gathering.error(f"it is no XML: {fault}", "write it again") from None
    return found


def _of_host(host: Element) -> Iterator[tuple[Endpoint, str]]:
    addresses = [*_addresses(host)]
    for port in host.findall("ports/port"):
        transport, number = (
            _TRANSPORTS.get(port.get("protocol", "")),
            port_number(port.get("portid")),
        )
        state, service = port.find("state"), port.find("service")
        if transport is None or number is None or state is None or service is None:
            continue
        name = _name(service)
        if name and state.get("state") == "open":
            yield from ((Endpoint(each, transport, number), name) for each in addresses)


def _addresses(host: Element) -> Iterator[Address]:
    for each in host.findall("address"):
        if each.get("addrtype", "ipv4") in ("ipv4", "ipv6"):
            try:
                yield ip_address(each.get("addr", ""))
            except ValueError:
                continue  # the reader of hosts has told it already


def _name(service: Element) -> str:
    """Give the name of a recognised service; empty where nmap only guessed, or nobody told."""
    name = service.get("name", "").lower()
    if service.get("method") != "probed" or name in _UNTOLD or not _NAME.fullmatch(name):
        return ""
    return _INSIDE_TLS.get(name, name) if service.get("tunnel") == "ssl" else name
