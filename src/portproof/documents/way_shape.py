"""`key` and `through` of a vantage: who signs its packs, and which proxy its probes go through."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

from pydantic import Field

from portproof.documents.shape import Parsed, Shape, Words, refuse
from portproof.documents.wording import found
from portproof.evidence.vantage_key import vantage_key
from portproof.model.way import AT_ONCE, Way, WayKind

_HIGHEST_PORT: Final = 65_535
_MOST_AT_ONCE: Final = 1_000
"""A thousand connections fill the descriptors of an ordinary server."""

# Nothing here can begin with a dash: ssh would take it for an option.
_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_SOCKS: Final = re.compile(rf"(?P<host>{_NAME}|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{{1,5}})")
_SSH: Final = re.compile(
    rf"(?:(?P<user>[A-Za-z0-9_][A-Za-z0-9._-]*)@)?(?P<host>{_NAME}|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+)"
)


def _key(value: object) -> str:
    if not isinstance(value, str):
        raise refuse(f"expected a public key, found {found(value)}")
    try:
        return vantage_key(value).line()
    except ValueError as fault:
        raise refuse(str(fault)) from None


def _socks(value: object) -> tuple[str, int]:
    matched = _SOCKS.fullmatch(value) if isinstance(value, str) else None
    if matched is None or not 0 < int(matched["port"]) <= _HIGHEST_PORT:
        raise refuse(f"expected host:port, as proxy.example.net:1080, found {found(value)}")
    return matched["host"].strip("[]"), int(matched["port"])


def _ssh(value: object) -> tuple[str, str]:
    matched = _SSH.fullmatch(value) if isinstance(value, str) else None
    if matched is None:
        raise refuse(f"expected user@host, as audit@jump.example.net, found {found(value)}")
    return matched["user"] or "", matched["host"]


_TEXT: Final[dict[str, Any]] = {"type": "string"}
PublicKey: TypeAlias = Annotated[str, Parsed(_key, _TEXT)]
_SocksServer: TypeAlias = Annotated[tuple[str, int], Parsed(_socks, _TEXT)]
_SshHost: TypeAlias = Annotated[tuple[str, str], Parsed(_ssh, _TEXT)]


class WayShape(Shape):
    """A proxy or jump host that opens the connections; one of `socks5` and `ssh`."""

    socks5: _SocksServer | None = None
    """`host:port` of a SOCKS5 server (RFC 1928)."""
    ssh: _SshHost | None = None
    """`user@host` of an SSH server that forwards TCP connections; OpenSSH's own client goes there."""
    port: Annotated[int, Field(ge=1, le=_HIGHEST_PORT)] | None = None
    """With `ssh`: its port, where ssh's own configuration does not say it."""
    user: Words | None = None
    """With `socks5`: the user name (RFC 1929)."""
    password_file: Words | None = None
    """With `user`: a file whose first line is the password."""
    identity_file: Words | None = None
    """With `ssh`: the private key to log in with."""
    known_hosts: Words | None = None
    """With `ssh`: the file that holds the key of the host; left out: the user's own."""
    at_once: Annotated[int, Field(ge=1, le=_MOST_AT_ONCE)] = AT_ONCE
    """Connections through it at once, at most."""

    def problem(self) -> str:
        """Say what does not go together; empty when all does."""
        if (self.socks5 is None) == (self.ssh is None):
            return "name one of socks5 and ssh"
        of_ssh = {"port": self.port, "identity_file": self.identity_file}
        of_ssh["known_hosts"] = self.known_hosts
        of_socks = {"user": self.user, "password_file": self.password_file}
        other, of_other = ("ssh", of_ssh) if self.socks5 is not None else ("socks5", of_socks)
        for name, value in of_other.items():
            if value is not None:
                return f"'{name}' goes with {other} alone"
        if (self.user is None) != (self.password_file is None):
            return "'user' and 'password_file' go together"
        return ""

    def read(self, folder: Path) -> Way:
        """Give the way; relative paths are those beside the document."""
        if self.socks5 is not None:
            host, port = self.socks5
            return Way(
                kind=WayKind.SOCKS5,
                host=host,
                port=port,
                user=self.user or "",
                at_once=self.at_once,
                password_file=_beside(folder, self.password_file),
            )
        user, host = self.ssh or ("", "")
        return Way(
            kind=WayKind.SSH,
            host=host,
            port=self.port,
            user=user,
            at_once=self.at_once,
            identity_file=_beside(folder, self.identity_file),
            known_hosts=_beside(folder, self.known_hosts),
        )


def _beside(folder: Path, name: str | None) -> str:
    return "" if name is None else str(folder / Path(name).expanduser())
