"""Open ports from naabu's JSON lines (`-json`): imported, not witnessed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from portproof.model.source import FileOptions
from portproof.sources.gathering import Gathering
from portproof.sources.scan_lines import Seen, fill_lines
from portproof.sources.trees import at, port_number, text_at


def fill(gathering: Gathering, options: FileOptions) -> None:
    """List each address with an open port.

    Raises:
        SourceError: a file cannot be read, or is none of naabu's.
    """
    fill_lines(gathering, options, "naabu", _seen)


def _seen(record: Any) -> Iterator[Seen]:
    # naabu 2.0 wrote {"port": {"Port": 80, "Protocol": 0}}, later versions write the number.
    number = at(record, "port")
    port = port_number(at(number, "Port") if isinstance(number, dict) else number)
    host, address = text_at(record, "host"), text_at(record, "ip")
    names = (host,) if host and host != address else ()
    if port is not None:
        yield address or host, names, text_at(record, "protocol") or "tcp", port
