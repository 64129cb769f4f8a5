"""Listening sockets as `ss -tulpn` prints them (iproute2)."""

from __future__ import annotations

from typing import Final

from portproof.model.source import FileOptions
from portproof.sources.files import each_file, read_text
from portproof.sources.gathering import Gathering, line
from portproof.sources.listening import Machine
from portproof.sources.trees import port_number

_STATES: Final = frozenset({"LISTEN", "UNCONN"})
_LOCAL: Final = 4
"""The column of the local address: Netid State Recv-Q Send-Q Local Peer Process."""


def fill(gathering: Gathering, options: FileOptions) -> None:
    """List one machine per file.

    Raises:
        SourceError: a file cannot be read, or is none of ss'.
    """
    for path in each_file(gathering, options.patterns):
        content = read_text(gathering, path)
        if not content.lstrip().startswith("Netid"):
            problem = "it does not begin with the heading of `ss -tulpn`"
            raise gathering.error(problem, "run `ss -tulpn > FILE`")
        machine = Machine()
        for number, written in enumerate(content.splitlines()[1:], 2):
            columns = written.split()
            if not columns or columns[0] not in ("tcp", "udp"):
                continue
            if not _taken(machine, columns):
                gathering.skip(f"line {number}: {line(written)!r} is no listening socket")
        machine.target(gathering, options, path, "ss")


def _taken(machine: Machine, columns: list[str]) -> bool:
    if len(columns) <= _LOCAL or columns[1] not in _STATES:
        return False
    address, _, written = columns[_LOCAL].rpartition(":")
    port = port_number(written)
    bare = address.replace("[", "").replace("]", "")
    return port is not None and machine.listens(columns[0], bare, port)
