"""What masscan and naabu write: one record per line, each an address and an open port.

One file for two scanners' lines; `masscan` and `naabu` say how a line is read. Imported, not
witnessed: see `nmap_xml`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

from portproof.model.ports import PortSet
from portproof.model.portspec import PortSpec
from portproof.model.source import EVIDENCE, IMPORTED, FileOptions
from portproof.sources.files import each_file, json_of, read_text
from portproof.sources.gathering import Found, Gathering

Seen: TypeAlias = tuple[str, tuple[str, ...], str, int]
"""Address, names, transport, port."""


def fill_lines(
    gathering: Gathering,
    options: FileOptions,
    scanner: str,
    read: Callable[[Any], Iterable[Seen]],
) -> None:
    """List each address of every file once, with all its open ports.

    Raises:
        SourceError: a file cannot be read, or a line is no JSON.
    """
    for path in each_file(gathering, options.patterns):
        held: dict[str, tuple[set[str], dict[str, set[int]]]] = {}
        for record in _records(gathering, read_text(gathering, path)):
            for address, names, transport, port in read(record):
                known, ports = held.setdefault(address, (set(), {"tcp": set(), "udp": set()}))
                known.update(names)
                if transport in ports:
                    ports[transport].add(port)
        for address, (names_of, ports) in held.items():
            tcp, udp = (PortSet.from_iterable(ports[each]) for each in ("tcp", "udp"))
            gathering.add(
                Found(
                    id=address,
                    kind="host",
                    hosts=[address, *names_of],
                    ports=PortSpec(tcp, udp),
                    attributes={EVIDENCE: IMPORTED, "scanner": scanner},
                )
            )


def _records(gathering: Gathering, content: str) -> Iterator[Any]:
    """Give the object of each line; brackets and commas around them are those of masscan's list."""
    for number, written in enumerate(content.splitlines(), 1):
        held = written.strip().rstrip(",").strip()
        if held in ("", "[", "]") or held.startswith("{finished"):
            continue
        if number % 1_000 == 0:
            gathering.go_on()
        if not held.startswith("{"):
            problem = f"line {number}: it is no record of one open port"
            raise gathering.error(problem, "give the scanner's JSON output, one record per line")
        yield json_of(gathering, held)
