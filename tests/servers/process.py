"""Start a server, wait until it answers, and end it with all that it started."""

from __future__ import annotations

import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from portproof.model.endpoint import Endpoint, Transport

LOOPBACK = IPv4Address("127.0.0.1")
READY_WITHIN_S = 60.0
# Below the ephemeral range: no outgoing connection of another test can take such a port.
FREE_PORTS = range(20_000, 32_000)
# Servers live in sbin, which Debian leaves out of an ordinary user's PATH.
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


class ServerFailedError(Exception):
    """A server did not start; the message holds the end of what it said."""


@dataclass(frozen=True, slots=True)
class Account:
    """The user a server runs as: somebody unprivileged when we are root, else ourselves."""

    name: str
    uid: int
    gid: int

    def prefix(self) -> list[str]:
        """The command prefix that becomes this user; empty when that is who we are."""
        if os.geteuid() == self.uid:
            return []
        return ["setpriv", f"--reuid={self.uid}", f"--regid={self.gid}", "--clear-groups"]


def account(name: str = "nobody") -> Account:
    """The named user when we are root; ourselves otherwise."""
    entry = pwd.getpwnam(name) if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def endpoint(
    port: int, transport: Transport = Transport.TCP, address: IPv4Address = LOOPBACK
) -> Endpoint:
    """An endpoint on the loopback address, or another of this machine's."""
    return Endpoint(address, transport, port)


def program(name: str) -> str:
    """The full path of a program.

    Raises:
        ServerFailedError: its package is not installed.
    """
    found = shutil.which(name, path=PATH)
    if found is None:
        raise ServerFailedError(
            f"{name} is missing: see .ci/packages for the package it comes from"
        )
    return found


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM, address: IPv4Address = LOOPBACK) -> int:
    """A port of the address that nobody had a moment ago, for that kind of socket."""
    for port in random.sample(FREE_PORTS, len(FREE_PORTS)):
        with socket.socket(socket.AF_INET, kind) as sock:
            try:
                sock.bind((str(address), port))
            except OSError:
                continue
            return port
    raise ServerFailedError(f"no free port on {address}")


@contextmanager
def folder(owner: Account) -> Iterator[Path]:
    """A temporary folder that belongs to the server's user, and goes with the block."""
    # Short names: the path of a Unix socket has 107 characters at most.
    with tempfile.TemporaryDirectory(prefix="pp-", dir="/tmp", ignore_cleanup_errors=True) as name:
        give(Path(name), owner)
        yield Path(name)


def give(path: Path, owner: Account) -> None:
    """Hand a file or folder, with all in it, to the server's user."""
    if os.geteuid() == 0:
        for each in (path, *path.rglob("*")):
            os.chown(each, owner.uid, owner.gid)


def run(argv: Sequence[str], *, owner: Account | None = None, cwd: Path | None = None) -> None:
    """Run a preparing command to its end.

    Raises:
        ServerFailedError: it failed; the message holds its output.
    """
    prefix = owner.prefix() if owner else []
    done = subprocess.run(
        [*prefix, *argv], check=False, capture_output=True, text=True, cwd=cwd, timeout=120
    )
    if done.returncode:
        raise ServerFailedError(
            f"{argv[0]} ended with {done.returncode}: {done.stdout}{done.stderr}"
        )


@contextmanager
def running(
    argv: Sequence[str],
    *,
    owner: Account,
    cwd: Path,
    ready: Callable[[], bool],
    env: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server in the foreground while the block lasts, from the moment it is ready.

    Raises:
        ServerFailedError: it ended early, or was not ready in time.
    """
    log = cwd / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*owner.prefix(), *argv],
            cwd=cwd,
            env={**os.environ, "PATH": PATH, "HOME": str(cwd), **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait(process, ready, log)
        yield process
    finally:
        _end(process)


def _wait(process: subprocess.Popen[bytes], ready: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while not ready():
        ended = process.poll()
        if ended is not None or time.monotonic() > deadline:
            said = log.read_text(errors="replace")[-4_000:]
            state = "is not ready" if ended is None else f"ended with {ended}"
            raise ServerFailedError(f"{process.args!r} {state}: {said}")
        time.sleep(0.02)


def _end(process: subprocess.Popen[bytes]) -> None:
    for impolite in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, impolite)
        except ProcessLookupError:
            break
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            continue
    process.wait()


def accepts(port: int) -> bool:
    """Whether something accepts connections on that TCP port."""
    try:
        socket.create_connection((str(LOOPBACK), port), timeout=1).close()
    except OSError:
        return False
    return True


def answers(port: int, question: bytes) -> bool:
    """Whether something answers that datagram."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.3)
        try:
            sock.connect((str(LOOPBACK), port))
            sock.send(question)
            return bool(sock.recv(4_096))
        except OSError:
            return False
