"""Listening sockets from osquery's table `listening_ports`, as targets.

`osqueryi --json "select * from listening_ports" > web-1.json`; every value is text, protocol 6 is TCP
and 17 is UDP.
"""

from __future__ import annotations

from portproof.model.listening import osquery_listener
from portproof.model.source import FileOptions
from portproof.sources.files import each_file, read_json
from portproof.sources.gathering import Gathering
from portproof.sources.listening import Machine


def fill(gathering: Gathering, options: FileOptions) -> None:
    """List one machine per file.

    Raises:
        SourceError: a file cannot be read, or is no table of osquery's.
    """
    for path in each_file(gathering, options.patterns):
        rows = read_json(gathering, path)
        if not isinstance(rows, list) or not all(isinstance(each, dict) for each in rows):
            problem = "it is no table of osquery's"
            raise gathering.error(problem, 'run osqueryi --json "select * from listening_ports"')
        machine = Machine()
        for number, row in enumerate(rows, 1):
            try:
                held = osquery_listener(row)
            except ValueError:
                gathering.skip(f"row {number} is no listening socket")
                continue
            if held is not None:  # else a socket of the file system, or one without a port
                machine.listens(held)
        machine.target(gathering, options, path, "osquery")
