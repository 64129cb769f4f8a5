"""The way from a vantage to its targets where it is not the vantage's own network: a proxy.

A light vantage is a machine on which nothing may be installed. Connections are opened there by a
SOCKS5 server (RFC 1928) or by an SSH server (RFC 4254 §7.2, `direct-tcpip`) on our behalf, and all
that is known of a port is what that server says.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

AT_ONCE: Final = 50
"""Connections through a way at once, where nobody says otherwise: proxies are small machines."""
SOCKS_PORT: Final = 1080
SSH_PORT: Final = 22


class WayKind(StrEnum):
    """Who opens the connections."""

    SOCKS5 = "socks5"
    SSH = "ssh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A proxy or jump host, and how we log in there. Part of the plan: it says who was asked."""

    kind: WayKind
    host: str
    """A name or an address."""
    port: int | None = None
    """None: that of its kind, or for SSH the one of the user's own configuration."""
    user: str = ""
    """Empty: nobody for SOCKS5, for SSH the user of its configuration."""
    at_once: int = AT_ONCE
    """Connections through it at once, at most."""
    password_file: str = ""
    """SOCKS5: the file whose first line is the password (RFC 1929); empty: none."""
    identity_file: str = ""
    """SSH: the private key to log in with; empty: as ssh chooses."""
    known_hosts: str = ""
    """SSH: the file with the host's key; empty: the user's own."""

    def __str__(self) -> str:
        """Name it as people do: `socks5 proxy.example.net:1080`, `ssh audit@jump.example.net`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = self.port or (SOCKS_PORT if self.kind is WayKind.SOCKS5 else None)
        user = f"{self.user}@" if self.user else ""
        return f"{self.kind} {user}{host}{f':{port}' if port else ''}"
