"""`top-ports.yaml`: which ports are asked first, and how that ranking was made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, Field

from portproof.documents.reading import Reading
from portproof.documents.shape import Id, Shape, Words
from portproof.model.endpoint import Transport
from portproof.model.portspec import parse_ports
from portproof.model.top_ports import TopPorts


class TierShape(Shape):
    """Ports that rank below those of the tier before."""

    source: Id
    """What the tier was drawn from; the head of the file explains each."""
    tcp: Words
    """Ports and ranges, the first ranked highest."""
    udp: Words


class TopPortsShape(Shape):
    """Ports by rank."""

    model_config = ConfigDict(title="portproof top ports")

    schema_: Literal["portproof.top-ports/1"] = Field(alias="schema")
    version: Words
    tiers: list[TierShape] = Field(min_length=1)


def load_top_ports(path: Path) -> TopPorts:
    """Read the ranking.

    Raises:
        DocumentError: with every fault of the file.
    """
    reading = Reading(path)
    document = reading.shape(TopPortsShape)
    tcp, udp = (tuple(_ranked(reading, document.tiers, each)) for each in Transport)
    reading.finish()
    return TopPorts(tcp=tcp, udp=udp)


def _ranked(reading: Reading, tiers: Sequence[TierShape], transport: Transport) -> Iterator[int]:
    """Give each port of a transport once, at its first place."""
    seen: set[int] = set()
    for position, tier in enumerate(tiers):
        for item in getattr(tier, transport.value).split(","):
            with reading.specification(("tiers", position, transport.value)):
                for port in parse_ports(item).tcp:
                    if port not in seen:
                        seen.add(port)
                        yield port
