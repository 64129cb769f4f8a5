"""Open ports from masscan's JSON (`-oJ`): imported, not witnessed.

masscan writes a list with one record per line, and may leave a comma after the last (its issue 263),
so the lines are read, not the list.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from portproof.model.source import FileOptions
from portproof.sources.gathering import Gathering
from portproof.sources.scan_lines import Seen, fill_lines
from portproof.sources.trees import at, each_in, port_number, text_at


def fill(gathering: Gathering, options: FileOptions) -> None:
    """List each address with an open port.

    Raises:
        SourceError: a file cannot be read, or is none of masscan's.
    """
    fill_lines(gathering, options, "masscan", _seen)


def _seen(record: Any) -> Iterator[Seen]:
    for each in each_in(at(record, "ports")):
        number = port_number(at(each, "port"))
        if number is not None and text_at(each, "status") == "open":
            yield text_at(record, "ip"), (), text_at(each, "proto"), number
