"""Listening sockets in the words of a host: a line of `ss -tulpn`, a row of osquery's `listening_ports`.

Two adapters read such files for two purposes: as a list of targets, and as an account to join a run
with. What a line means is said here, once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from ipaddress import IPv6Address, ip_address
from typing import Final

from portproof.model.endpoint import Address, Transport
from portproof.model.ports import HIGHEST_PORT
from portproof.model.reconcile import Listener

SS_HEADING: Final = "Netid"
"""The first word of the line above the columns."""
SS_COLUMNS: Final = 6
"""Netid, state, two queues, local and peer address; the program may be missing."""
SS_LOCAL: Final = 4
"""The place of the local address among them."""
_SS_STATES: Final = frozenset({"LISTEN", "UNCONN"})
_SS_PROGRAM: Final = re.compile(r'\(\("([^"]+)"')
_OSQUERY_TRANSPORTS: Final = {"6": Transport.TCP, "17": Transport.UDP}
"""IANA's protocol numbers, as osquery gives them."""


def ss_words(line: str) -> list[str]:
    """Give the columns of a line of ss; what follows them, the program, in one piece."""
    return line.split(None, SS_COLUMNS)


def ss_listener(words: Sequence[str]) -> Listener:
    """Read the columns of a TCP or UDP socket of `ss -tulpn`.

    Raises:
        ValueError: they are none; it says what is wrong with the line, or with its local address.
    """
    if len(words) < SS_COLUMNS:
        raise ValueError("is no line of `ss -tulpnH`: a column is missing")
    if words[1] not in _SS_STATES:
        raise ValueError(f"is in state {words[1]!a}, not listening: write it with `ss -tulpnH`")
    address, versions, port = _local(words[SS_LOCAL])
    found = _SS_PROGRAM.search(words[SS_COLUMNS]) if len(words) > SS_COLUMNS else None
    return Listener(
        transport=Transport(words[0]),
        port=port,
        address=address,
        versions=versions,
        process=found[1] if found else "",
    )


def _local(text: str) -> tuple[Address | None, tuple[int, ...], int]:
    """Read a local address of ss: `*:80` is both families, `0.0.0.0:80` and `[::]:80` one.

    Raises:
        ValueError: it is none.
    """
    host, _, port_text = text.rpartition(":")
    port = _port(port_text)
    if port is None:
        raise ValueError("ends in no port: write it with `ss -tulpnH` (-n: numbers)")
    if host == "*":
        return None, (4, 6), port
    try:
        address = _bound(host.strip("[]"))
    except ValueError:
        raise ValueError("begins with no address") from None
    return None if address.is_unspecified else address, (address.version,), port


def osquery_listener(row: Mapping[str, object]) -> Listener | None:
    """Read a row of `listening_ports`; None for a socket that is neither TCP nor UDP, or has no port.

    Raises:
        ValueError: its port or address is none.
    """
    transport = _OSQUERY_TRANSPORTS.get(_text(row, "protocol"))
    if transport is None or _text(row, "port") in ("", "0"):
        return None
    port = _port(_text(row, "port"))
    if port is None:
        raise ValueError(f"{_text(row, 'port')!a} is no port")
    name = _text(row, "name")
    if _text(row, "address") in ("", "*"):
        return Listener(transport=transport, port=port, address=None, versions=(4, 6), process=name)
    address = _bound(_text(row, "address"))
    anywhere = address.is_unspecified
    return Listener(
        transport=transport,
        port=port,
        address=None if anywhere else address,
        versions=(address.version,),
        # osquery does not tell IPV6_V6ONLY: such a socket may take IPv4 as well.
        unsure=(4,) if anywhere and isinstance(address, IPv6Address) else (),
        process=name,
    )


def _bound(text: str) -> Address:
    """Read the address that a socket is bound to; an IPv4 one in the form of IPv6 is IPv4."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _port(text: str) -> int | None:
    """Read a port from 1 to 65535; None when it is none."""
    number = (
        int(text)
        if text.isascii() and text.isdecimal() and len(text) <= len(str(HIGHEST_PORT))
        else 0
    )
    return number if 0 < number <= HIGHEST_PORT else None


def _text(row: Mapping[str, object], name: str) -> str:
    value = row.get(name)
    return "" if value is None else str(value)
