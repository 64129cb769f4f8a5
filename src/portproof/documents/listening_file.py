"""Listening sockets as a host tells them: `ss -tulpnH`, or osquery's `listening_ports` as JSON.

Which of the two it is, the first character tells. Everything is bounded by the size of a document,
and what is not understood is named with its place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from portproof.documents.text import Text, read_text
from portproof.errors import DocumentError, Fault
from portproof.model.endpoint import Address, Transport
from portproof.model.ports import HIGHEST_PORT
from portproof.model.reconcile import Listener, Listening

_COLUMNS: Final = 6
"""Netid, state, two queues, local and peer address; the program may be missing."""
_PROGRAM: Final = re.compile(r'\(\("([^"]+)"')
_TRANSPORTS: Final = {"6": Transport.TCP, "17": Transport.UDP}
"""IANA's protocol numbers, as osquery gives them."""
_FAMILIES: Final = {"2": 4, "10": 6, "30": 6}
"""AF_INET, AF_INET6 on Linux and on macOS."""


def read_listening(path: Path) -> Listening:
    """Read the listening sockets of one host.

    Raises:
        DocumentError: the file cannot be read, or is neither of the two; with every fault.
    """
    text = read_text(path)
    if text.content.lstrip()[:1] in ("[", "{"):
        return _osquery(text)
    return _Ss(text).read()


# ---------------------------------------------------------------- ss


class _Ss:
    """The lines of `ss -tulpnH`; a header line is let through."""

    def __init__(self, text: Text) -> None:
        self._file = text.file
        self._lines = text.content.splitlines()
        self._faults: list[Fault] = []
        self._odd: list[str] = []

    def read(self) -> Listening:
        held = [
            each
            for number, line in enumerate(self._lines, 1)
            if line.strip() and (each := self._line(number, line)) is not None
        ]
        if not held and not self._faults and not self._odd:
            problem = "lists no socket: write it with `ss -tulpnH`"
            self._faults.append(Fault(self._file, 1, 1, problem))
        if self._faults:
            raise DocumentError(self._faults)
        return Listening(file=self._file, listeners=tuple(held), not_understood=tuple(self._odd))

    def _line(self, number: int, line: str) -> Listener | None:
        words = line.split(None, _COLUMNS)
        if words[0] == "Netid":
            return None
        if words[0] not in ("tcp", "udp"):
            self._other(number, line, words)
            return None
        if len(words) < _COLUMNS:
            self._fault(number, line, "is no line of `ss -tulpnH`: a column is missing")
            return None
        try:
            address, versions, port = _local(words[4])
        except ValueError as fault:
            self._fault(number, words[4], str(fault), inside=line.find(words[4]))
            return None
        found = _PROGRAM.search(words[_COLUMNS]) if len(words) > _COLUMNS else None
        return Listener(
            transport=Transport(words[0]),
            port=port,
            address=address,
            versions=versions,
            process=found[1] if found else "",
        )

    def _other(self, number: int, line: str, words: list[str]) -> None:
        if words[0] in ("LISTEN", "UNCONN", "State"):
            self._fault(number, line, "has no Netid column: write it with `ss -tulpnH`")
        elif len(words) >= _COLUMNS:
            self._odd.append(f"{self._file}:{number}: {line.strip()[:200]}")
        else:
            self._fault(number, line, "is no line of `ss -tulpnH`")

    def _fault(self, number: int, shown: str, problem: str, *, inside: int = 0) -> None:
        self._faults.append(
            Fault(self._file, number, inside + 1, f"{shown.strip()[:60]!a} {problem}")
        )


def _local(text: str) -> tuple[Address | None, tuple[int, ...], int]:
    """Read a local address of ss: `*:80` is both families, `0.0.0.0:80` and `[::]:80` one.

    Raises:
        ValueError: it is none.
    """
    host, _, port_text = text.rpartition(":")
    if not port_text.isdecimal() or not 0 < int(port_text) <= HIGHEST_PORT:
        raise ValueError("ends in no port: write it with `ss -tulpnH` (-n: numbers)")
    if host == "*":
        return None, (4, 6), int(port_text)
    try:
        address = ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        raise ValueError("begins with no address") from None
    if address.is_unspecified:
        return None, (address.version,), int(port_text)
    return address, (address.version,), int(port_text)


# ---------------------------------------------------------------- osquery


def _osquery(text: Text) -> Listening:
    """Read the rows of `select * from listening_ports`, with the program where `name` is joined."""
    try:
        rows = json.loads(text.content)
    except (ValueError, RecursionError) as error:
        problem = f"is no JSON: {error}"
        raise DocumentError([text.fault(getattr(error, "pos", 0), problem)]) from None
    if not isinstance(rows, list) or not all(isinstance(each, dict) for each in rows):
        problem = (
            "is no list of rows: write it with `osqueryi --json 'select * from listening_ports'`"
        )
        raise DocumentError([text.fault(0, problem)])
    faults: list[Fault] = []
    odd: list[str] = []
    held = list(_rows(text, rows, faults, odd))
    if faults:
        raise DocumentError(faults)
    return Listening(file=text.file, listeners=tuple(held), not_understood=tuple(odd))


def _rows(
    text: Text, rows: list[dict[str, Any]], faults: list[Fault], odd: list[str]
) -> Iterator[Listener]:
    for number, row in enumerate(rows, 1):
        family, protocol = str(row.get("family", "")), str(row.get("protocol", ""))
        if family not in _FAMILIES or protocol not in _TRANSPORTS:
            # Unix sockets and raw ones are rows too, and no ports.
            if str(row.get("port", "0")) != "0":
                odd.append(f"{text.file}: row {number}: family {family!a}, protocol {protocol!a}")
            continue
        try:
            yield _row(row, _TRANSPORTS[protocol], _FAMILIES[family])
        except ValueError as fault:
            faults.append(Fault(text.file, 0, 0, f"row {number}: {fault}"))


def _row(row: dict[str, Any], transport: Transport, version: int) -> Listener:
    port = str(row.get("port", ""))
    if not port.isdecimal() or not 0 < int(port) <= HIGHEST_PORT:
        raise ValueError(f"{port!a} is no port")
    address = ip_address(str(row.get("address", "")).partition("%")[0])
    anywhere = address.is_unspecified
    return Listener(
        transport=transport,
        port=int(port),
        address=None if anywhere else address,
        versions=(version,),
        # osquery does not tell IPV6_V6ONLY: such a socket may take IPv4 as well.
        unsure=(4,) if anywhere and version == 6 else (),  # noqa: PLR2004 - the IP version
        process=str(row.get("name", "")),
    )
