"""The ways that a light vantage's probes go: a SOCKS5 server, or OpenSSH's client in front of one.

    socks5   dials ──► the proxy
    ssh      dials ──► a Unix socket in a folder of our own ──► ssh -D ──► the jump host

`ssh -D` was measured to say `succeeded` only once the jump host has the connection, and to hang up
without a word when it has not; so one SOCKS5 client serves both. One ssh process, no shared master,
nobody is asked for anything, and the host's key has to be known already.
"""

from __future__ import annotations

import ctypes
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from portproof.errors import RelayError
from portproof.model.endpoint import Endpoint
from portproof.model.way import SOCKS_PORT, Way, WayKind
from portproof.scan.relay_dial import Dial, SocksServer

_CONNECT_S: Final = 10
_READY_S: Final = 30.0
_SHORT_WAIT_S: Final = 0.02
_LEAVE_S: Final = 5.0
_LONGEST_TOLD: Final = 400
_LONGEST_WORD: Final = 255  # RFC 1929 §2: a length is one byte
_PARENT_DEATH_SIGNAL: Final = 1  # PR_SET_PDEATHSIG, prctl(2)
# Looked up here: between fork and exec, another thread (the progress bar's) may hold the linker's lock.
_prctl = ctypes.CDLL(None).prctl

_SSH_OPTIONS: Final = (
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "ExitOnForwardFailure=yes",
    "ControlMaster=no",
    "ControlPath=none",
    "ForwardAgent=no",
    "ForwardX11=no",
    "PermitLocalCommand=no",
    "RequestTTY=no",
    "Tunnel=no",
    f"ConnectTimeout={_CONNECT_S}",
    "ServerAliveInterval=5",
    "ServerAliveCountMax=3",
    "StreamLocalBindMask=0177",
    # One line for each port that cannot be connected to would fill the disk.
    "LogLevel=ERROR",
)


class Tunnel:
    """A way, open between `with` and the block's end. A way that dies stays dead: see `trouble`."""

    def __init__(self, way: Way) -> None:
        self.way = way
        self._server: SocksServer | None = None
        self._ssh: subprocess.Popen[bytes] | None = None
        self._told: IO[bytes] | None = None
        self._cleanup = ExitStack()

    @property
    def lingers(self) -> bool:
        """Whether a connection that we have given up is still being tried at the other end.

        An SSH server goes on until its own kernel gives up; a SOCKS server sees us hang up.
        """
        return self.way.kind is WayKind.SSH

    def __enter__(self) -> Self:
        """Reach the proxy, or log in at the jump host.

        Raises:
            RelayError: it cannot be reached, or does not let us in; it says why in its own words.
        """
        with self._cleanup:
            match self.way.kind:
                case WayKind.SOCKS5:
                    self._server = _socks_server(self.way)
                case WayKind.SSH:
                    self._server = self._log_in()
            self._cleanup = self._cleanup.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._cleanup.close()
        self._server = None

    def dial(self, target: Endpoint) -> Dial:
        """Begin to connect to the target.

        Raises:
            OSError: no socket is to be had just now, or the proxy is gone.
        """
        if self._server is None:
            raise RelayError(f"{self.way}: is not open")
        return Dial(self._server, target)

    def trouble(self) -> str:
        """Say why the way is dead, in ssh's words; empty while nothing is known of it."""
        if self._ssh is None or self._ssh.poll() is None:
            return ""
        return self._last_words() or f"ssh ended with {self._ssh.returncode}"

    def _log_in(self) -> SocksServer:
        program = shutil.which("ssh")
        if program is None:
            raise RelayError(f"{self.way}: there is no ssh here; install OpenSSH's client")
        # Short: the path of a Unix socket has 107 characters at most.
        folder = self._cleanup.enter_context(tempfile.TemporaryDirectory(prefix="pp-", dir="/tmp"))
        path = str(Path(folder, "socks"))
        self._told = self._cleanup.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - entered
        self._ssh = subprocess.Popen(  # noqa: S603 - a list; documents cannot name an option
            [program, *_arguments(self.way, path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._told,
            # Ctrl-C is for us: a polite stop still needs the way.
            start_new_session=True,
            preexec_fn=_end_with_us,  # noqa: PLW1509 - one system call, looked up beforehand
        )
        self._cleanup.callback(_end, self._ssh)
        self._await(path)
        return SocksServer(socket.AF_UNIX, path)

    def _await(self, path: str) -> None:
        deadline = time.monotonic() + _READY_S
        while not Path(path).is_socket():
            if trouble := self.trouble():
                raise RelayError(f"{self.way}: cannot be used: {trouble}")
            if time.monotonic() > deadline:
                raise RelayError(f"{self.way}: did not let us in within {_READY_S:.0f} s")
            time.sleep(_SHORT_WAIT_S)

    def _last_words(self) -> str:
        if self._told is None:
            return ""
        self._told.seek(0)
        lines = self._told.read().decode(errors="replace").split("\n")
        told = "; ".join(line.strip() for line in lines if line.strip())
        shown = "".join(each if each.isprintable() else "?" for each in told)
        return shown[-_LONGEST_TOLD:]


def _arguments(way: Way, path: str) -> list[str]:
    options = list(_SSH_OPTIONS)
    if way.known_hosts:
        options.append(f"UserKnownHostsFile={_quoted(way.known_hosts)}")
    arguments = ["-N", "-T", "-D", path]
    for each in options:
        arguments += ["-o", each]
    if way.identity_file:
        arguments += ["-o", "IdentitiesOnly=yes", "-i", way.identity_file]
    if way.port is not None:
        arguments += ["-p", str(way.port)]
    if way.user:
        arguments += ["-l", way.user]
    return [*arguments, "--", way.host]


def _quoted(path: str) -> str:
    """Write a path so that ssh takes it as one word, without tokens (ssh_config(5))."""
    if '"' in path:
        raise RelayError(f"{path}: a path for ssh holds no quotation mark")
    return '"' + path.replace("%", "%%") + '"'


def _socks_server(way: Way) -> SocksServer:
    """Find the proxy and see that it is there.

    Raises:
        RelayError: it has no address, nothing listens there, or the password cannot be read.
    """
    user, password = way.user.encode(), _password(way)
    for what, word in (("user name", user), ("password", password)):
        if len(word) > _LONGEST_WORD:
            raise RelayError(f"{way}: the {what} has more than {_LONGEST_WORD} bytes")
    try:
        found = socket.getaddrinfo(way.host, way.port or SOCKS_PORT, type=socket.SOCK_STREAM)
    except OSError as failure:
        raise RelayError(f"{way}: has no address: {failure.strerror or failure}") from failure
    why = ""
    for family, kind, _, _, where in found:
        server = SocksServer(family, (str(where[0]), int(where[1])), user, password)
        try:
            with socket.socket(family, kind) as trial:
                trial.settimeout(_CONNECT_S)
                trial.connect(server.address)
        except OSError as failure:
            why = failure.strerror or str(failure)
            continue
        return server
    raise RelayError(f"{way}: cannot be reached: {why}")


def _password(way: Way) -> bytes:
    if not way.password_file:
        return b""
    try:
        return Path(way.password_file).read_bytes().partition(b"\n")[0].rstrip(b"\r")
    except OSError as failure:
        raise RelayError(
            f"{way.password_file}: the proxy's password cannot be read: "
            f"{failure.strerror or failure}"
        ) from failure


def _end_with_us() -> None:
    """Have the kernel end ssh when this process is gone, however it went (prctl(2))."""
    _prctl(_PARENT_DEATH_SIGNAL, signal.SIGTERM)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=_LEAVE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
