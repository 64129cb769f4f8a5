"""A laboratory of two network namespaces joined by a cable, for tests of what a network does.

    client  10.99.1.1, fd99:1::1  ===veth===  10.99.1.2, fd99:1::2  server
                                              (and .3, .4 ... for `server_hosts` above one)

Each namespace is held open by one process that waits for its standard input to close, and has no
name anywhere. So nothing can collide (each test may use the same addresses at the same time), and
nothing can be left behind: when that process ends, also because the test run was killed, the
kernel takes down the namespace with its cable, addresses and rules.

Needs iproute2, nftables and util-linux, and either root or unprivileged user namespaces. A machine
that offers neither fails the test: a skipped one would look like a good result.

    with Lab() as lab:
        lab.serve(lab.server, [sys.executable, "-m", "http.server", "8080"], port=8080)
        lab.nft(lab.server, filter_rules("tcp dport 22 drop"))
        lab.run(lab.client, ["nmap", "-sT", "-Pn", "-n", lab.server.ipv4])

Inside, /proc/net is the namespace's own, but /sys/class/net still shows the host's devices.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from types import TracebackType
from typing import Any, Self

# ip, nft and most servers live in sbin, which Debian leaves out of an ordinary user's PATH.
ENVIRONMENT = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}

# The peer and not the local address fails: neighbour discovery goes through, all else is silent.
PATH_DROPPED = """
table inet path_dropped {
  chain arriving {
    type filter hook prerouting priority -300; policy drop;
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
  }
}
"""

# The kernel sends one ICMP error per second to a peer, and may start with none left: a reject rule
# would look like a drop. Addresses are usable at once only without duplicate address detection.
SETTINGS = """
set -e
for setting in net/ipv4/icmp_ratelimit=0 net/ipv6/icmp/ratelimit=0 net/ipv4/icmp_msgs_per_sec=1000000 \
    net/ipv4/icmp_msgs_burst=1000000 net/ipv6/conf/all/accept_dad=0 net/ipv6/conf/default/accept_dad=0
do
  file=/proc/sys/${setting%=*}
  # The two icmp_msgs limits belong to the whole machine before Linux 6.13.
  if [ -e "$file" ]; then echo "${setting#*=}" >"$file"; fi
done
ip link set lo up
"""


class LabUnavailableError(Exception):
    """This machine lets us make no network namespace; the message says what would help."""


@dataclass(frozen=True, slots=True)
class Namespace:
    """One end of the cable: its first addresses, and the command prefix that enters it."""

    ipv4: str
    ipv6: str
    holder_pid: int
    enter: tuple[str, ...]


@dataclass(slots=True)
class Lab:
    """A client and a server namespace, there between `with Lab() as lab:` and the block's end.

    Raises:
        LabUnavailableError: neither root nor user namespaces, or a tool is missing.
    """

    server_hosts: int = 1
    client: Namespace = field(init=False)
    server: Namespace = field(init=False)
    _cleanup: ExitStack = field(init=False, default_factory=ExitStack)

    def __enter__(self) -> Self:
        with self._cleanup:
            self.client = self._hold("10.99.1.1", "fd99:1::1", unshare_command())
            # The second one has to belong to the same user namespace, to be joined with the first.
            inside = (*self.client.enter, "unshare", "--net")
            self.server = self._hold("10.99.1.2", "fd99:1::2", inside)
            self._lay_cable()
            self._cleanup = self._cleanup.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._cleanup.close()

    def run(
        self, namespace: Namespace, argv: Sequence[str], *, check: bool = True, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside a namespace to its end; text in and out, output captured.

        Raises:
            subprocess.CalledProcessError: it failed; its output is in the notes.
        """
        settings: dict[str, Any] = {"timeout": 60, "env": ENVIRONMENT, **options}
        done = subprocess.run(
            [*namespace.enter, *argv], check=False, capture_output=True, text=True, **settings
        )
        if check and done.returncode:
            failure = subprocess.CalledProcessError(
                done.returncode, list(argv), done.stdout, done.stderr
            )
            failure.add_note(f"{done.stdout or ''}{done.stderr or ''}")
            raise failure
        return done

    def popen(
        self, namespace: Namespace, argv: Sequence[str], **options: Any
    ) -> subprocess.Popen[Any]:
        """Start a command inside a namespace; it and its children are ended with the laboratory."""
        settings: dict[str, Any] = {"stdin": subprocess.DEVNULL, "env": ENVIRONMENT, **options}
        process = subprocess.Popen([*namespace.enter, *argv], start_new_session=True, **settings)
        self._cleanup.callback(end, process)
        return process

    def serve(
        self, namespace: Namespace, argv: Sequence[str], *, port: int, timeout_s: float = 20.0
    ) -> subprocess.Popen[Any]:
        """Start a server inside a namespace and return once something listens on its TCP port.

        Raises:
            RuntimeError: it ended early, or the port was not listened on in time.
        """
        quiet = subprocess.DEVNULL
        process = self.popen(namespace, argv, stdout=quiet, stderr=quiet)
        deadline = time.monotonic() + timeout_s
        listening = ["ss", "--no-header", "--listening", "--tcp", f"sport = :{port}"]
        while not self.run(namespace, listening).stdout:
            if process.poll() is not None:
                raise RuntimeError(f"{argv[0]} ended with {process.returncode} before it listened")
            if time.monotonic() > deadline:
                raise RuntimeError(f"{argv[0]} did not listen on port {port} in {timeout_s} s")
            time.sleep(0.02)
        return process

    def nft(self, namespace: Namespace, ruleset: str) -> None:
        """Apply an nftables ruleset inside a namespace, whole or not at all."""
        self.run(namespace, ["nft", "--file", "-"], input=ruleset)

    def drop_path(self) -> None:
        """Lose every packet on its way to the server, silently, until `restore_path`."""
        self.nft(self.server, PATH_DROPPED)

    def restore_path(self) -> None:
        """Let packets through again."""
        self.nft(self.server, "delete table inet path_dropped")

    def server_addresses(self) -> list[str]:
        """The IPv4 addresses that the server namespace answers on."""
        return [f"10.99.1.{2 + host}" for host in range(self.server_hosts)]

    def _hold(self, ipv4: str, ipv6: str, command: Sequence[str]) -> Namespace:
        holder = subprocess.Popen(
            [*command, "sh", "-c", "echo ready; exec cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=ENVIRONMENT,
        )
        self._cleanup.callback(release, holder)
        # Entering before the process has left our own namespace would put rules into the machine's.
        if holder.stdout is None or holder.stdout.readline() != b"ready\n":
            raise LabUnavailableError(f"could not start {' '.join(command)}")
        user = ("--user", "--preserve-credentials") if "--user" in unshare_command() else ()
        enter = ("nsenter", "--target", str(holder.pid), "--net", *user, "--")
        namespace = Namespace(ipv4, ipv6, holder.pid, enter)
        self.run(namespace, ["sh", "-c", SETTINGS])
        return namespace

    def _lay_cable(self) -> None:
        self._ip(self.client, f"link add cable type veth peer cable netns {self.server.holder_pid}")
        for namespace in (self.client, self.server):
            self._ip(namespace, "link set cable up")
        self._ip(self.client, *addressing([self.client.ipv4], self.client.ipv6))
        self._ip(self.server, *addressing(self.server_addresses(), self.server.ipv6))

    def _ip(self, namespace: Namespace, *commands: str) -> None:
        self.run(namespace, ["ip", "-batch", "-"], input="\n".join(commands))


def filter_rules(*rules: str) -> str:
    """A ruleset for what arrives at a namespace: the given rules in order, all else accepted."""
    body = "\n    ".join(rules)
    return (
        "table inet laboratory {\n  chain arriving {\n"
        "    type filter hook input priority 0; policy accept;\n"
        f"    {body}\n  }}\n}}\n"
    )


@cache
def unshare_command() -> tuple[str, ...]:
    """The command that makes a network namespace here: as root, or in a user namespace of its own.

    It is tried, not derived from the user id: root in a container may lack the privilege.
    """
    complaint = ""
    for command in (
        ("unshare", "--net"),
        ("unshare", "--user", "--map-root-user", "--net"),
    ):
        try:
            tried = subprocess.run(
                [*command, "true"], capture_output=True, text=True, check=False, env=ENVIRONMENT
            )
        except FileNotFoundError as error:
            raise LabUnavailableError("unshare is missing: apt-get install util-linux") from error
        if tried.returncode == 0:
            return command
        complaint = tried.stderr.strip()
    raise LabUnavailableError(
        "network namespaces need root, or unprivileged user namespaces, which some systems"
        f" switch off and no chroot allows: {complaint}"
    )


def addressing(ipv4: Sequence[str], ipv6: str) -> list[str]:
    """The `ip` commands that give an end of the cable its addresses.

    The IPv6 route is laid by hand: the kernel's own would come up to a second later, with the
    next of its rate-limited looks at which links have a carrier.
    """
    return [
        *(f"address add {address}/24 dev cable" for address in ipv4),
        f"address add {ipv6}/64 dev cable nodad noprefixroute",
        "route add fd99:1::/64 dev cable",
    ]


def end(process: subprocess.Popen[Any]) -> None:
    """End a process and all that it started: politely, and after five seconds by force."""
    for impolite in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, impolite)
        except ProcessLookupError:
            break
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            continue
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def release(holder: subprocess.Popen[bytes]) -> None:
    """Let the process that holds a namespace open go, and the namespace with it."""
    # It would end with its standard input too, unless some forked process still has the pipe.
    holder.terminate()
    holder.communicate()
