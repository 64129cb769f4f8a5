"""A list of ports as written, and the transport beside it, into one transport and its ports."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from portproof.documents.reading import Reading, Steps
from portproof.model.endpoint import Transport
from portproof.model.ports import PortSet
from portproof.model.portspec import PortSpec, parse_ports

_PREFIXED: Final = re.compile(r"\s*[A-Za-z]:")


def read_ports(
    reading: Reading, steps: Steps, texts: Sequence[str], transport: Transport | None = None
) -> PortSpec | None:
    """Parse every item of a list at a path, with `transport` (None: tcp) in force for each.

    None when an item does not parse, or names a port of another transport than the one given:
    that is recorded as a fault.
    """
    before = reading.faults_so_far()
    tcp, udp = PortSet.empty(), PortSet.empty()
    for position, text in enumerate(texts):
        at = (*steps, position)
        # What has a prefix of its own keeps it, and may turn out to contradict.
        prefix = "U:" if transport is Transport.UDP and not _PREFIXED.match(text) else ""
        with reading.specification(at, shift=len(prefix)):
            spec = parse_ports(prefix + text)
            tcp, udp = tcp | spec.tcp, udp | spec.udp
            contrary = _other(spec, transport)
            if transport and contrary:
                reading.fault(
                    at,
                    f"port {contrary} is not {transport}, but 'transport: {transport}' stands beside it",
                )
    return PortSpec(tcp, udp) if reading.faults_so_far() == before else None


def read_one_transport(
    reading: Reading, steps: Steps, texts: Sequence[str], transport: Transport | None
) -> tuple[Transport, PortSet] | None:
    """Parse ports that must all be of one transport; None when they are not (a fault)."""
    spec = read_ports(reading, steps, texts, transport)
    if spec is None:
        return None
    if spec.tcp and spec.udp:
        problem = "tcp and udp ports in one entry; write one entry for each transport"
        reading.fault(steps, problem)
        return None
    return (Transport.UDP, spec.udp) if spec.udp else (Transport.TCP, spec.tcp)


def _other(spec: PortSpec, transport: Transport | None) -> PortSet:
    return spec.udp if transport is Transport.TCP else spec.tcp
