from __future__ import annotations

from pathlib import Path

import pytest

from documents.writing import written
from portproof.documents.portlists import read_one_transport, read_ports
from portproof.documents.reading import Reading
from portproof.errors import DocumentError
from portproof.model.endpoint import Transport
from portproof.model.ports import PortSet
from portproof.model.portspec import PortSpec


def reading_of(folder: Path, ports: list[str]) -> Reading:
    return Reading(written(folder, "".join(["ports:\n", *(f"  - '{text}'\n" for text in ports)])))


@pytest.mark.parametrize(
    ("texts", "transport", "tcp", "udp"),
    [
        (["22", "80-81"], None, [22, 80, 81], []),
        (["53", "U:123"], None, [53], [123]),
        (["53", "123"], Transport.UDP, [], [53, 123]),
        (["U:53", "123/udp"], Transport.UDP, [], [53, 123]),
        ([], None, [], []),
    ],
)
def test_the_transport_beside_a_list_is_in_force_for_each_item(
    tmp_path: Path, texts: list[str], transport: Transport | None, tcp: list[int], udp: list[int]
) -> None:
    spec = read_ports(reading_of(tmp_path, texts or ["x"]), ("ports",), texts, transport)
    assert spec == PortSpec(PortSet.from_iterable(tcp), PortSet.from_iterable(udp))


@pytest.mark.parametrize(
    ("text", "transport", "column"),
    [("22,x-y", None, 9), ("53,0", Transport.UDP, 9), ("53/udp", Transport.TCP, 5)],
)
def test_a_fault_stands_at_its_item_in_its_quotes(
    tmp_path: Path, text: str, transport: Transport | None, column: int
) -> None:
    reading = reading_of(tmp_path, ["1", text])
    assert read_ports(reading, ("ports",), ["1", text], transport) is None
    with pytest.raises(DocumentError) as caught:
        reading.finish()
    assert [(fault.line, fault.column) for fault in caught.value.faults] == [(3, column)]


def test_one_entry_has_one_transport(tmp_path: Path) -> None:
    reading = reading_of(tmp_path, ["53", "U:53"])
    assert read_one_transport(reading, ("ports",), ["53", "U:53"], None) is None
    with pytest.raises(DocumentError, match="one entry for each transport"):
        reading.finish()
