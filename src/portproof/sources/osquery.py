"""Listening sockets from osquery's table `listening_ports`.

`osqueryi --json "select * from listening_ports" > web-1.json`; every value is text, protocol 6 is TCP
and 17 is UDP.
"""

from __future__ import annotations

from typing import Final

from portproof.model.source import FileOptions
from portproof.sources.files import each_file, read_json
from portproof.sources.gathering import Gathering
from portproof.sources.listening import Machine
from portproof.sources.trees import port_number, text_at

_TRANSPORTS: Final = {"6": "tcp", "17": "udp"}


def fill(gathering: Gathering, options: FileOptions) -> None:
    """List one machine per file.

    Raises:
        SourceError: a file cannot be read, or is no table of osquery's.
    """
    for path in each_file(gathering, options.patterns):
        rows = read_json(gathering, path)
        if not isinstance(rows, list):
            problem = "it is no table of osquery's"
            raise gathering.error(problem, 'run osqueryi --json "select * from listening_ports"')
        machine = Machine()
        for number, row in enumerate(rows, 1):
            transport = _TRANSPORTS.get(text_at(row, "protocol"))
            if transport is None or text_at(row, "port") in ("", "0"):
                continue  # a socket of the file system, or one without a port
            port = port_number(text_at(row, "port"))
            if port is None or not machine.listens(transport, text_at(row, "address"), port):
                gathering.skip(f"row {number} is no listening socket")
        machine.target(gathering, options, path, "osquery")
