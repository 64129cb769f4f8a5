"""The laboratory itself: what it drops is silent, what it rejects is told, and it leaves no trace."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from netns import Lab, Namespace, filter_rules

pytestmark = pytest.mark.privileged

# Prints what a TCP connection came to: "open", "silence", "icmp TYPE/CODE" or the error's name.
# The ICMP error is asked of the socket's error queue; without it, an IPv6 socket would keep the
# error to itself until the next retransmission, a second later.
CONNECT = """
import errno, select, socket, sys
address, port, timeout_s = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
family, level, option = (
    (socket.AF_INET6, socket.IPPROTO_IPV6, 25) if ":" in address
    else (socket.AF_INET, socket.IPPROTO_IP, 11)
)
one = socket.socket(family)
one.setblocking(False)
one.setsockopt(level, option, 1)
at_once = one.connect_ex((address, port))
if at_once != errno.EINPROGRESS:
    sys.exit(print(errno.errorcode[at_once]))
if not select.select([], [one], [], timeout_s)[1]:
    sys.exit(print("silence"))
try:
    _, [(_, _, told)], _, _ = one.recvmsg(0, 512, socket.MSG_ERRQUEUE)
    print(f"icmp {told[5]}/{told[6]}")
except BlockingIOError:
    error = one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    print(errno.errorcode[error] if error else "open")
"""
# A server that accepts, and nothing else: quick to start.
LISTEN = """
import socket, sys
server = socket.create_server(("::", int(sys.argv[1])), family=socket.AF_INET6, dualstack_ipv6=True)
while True:
    server.accept()[0].close()
"""


@pytest.fixture(scope="module")
def bench() -> Iterator[Lab]:
    with Lab(server_hosts=3) as lab:
        lab.serve(lab.server, [sys.executable, "-c", LISTEN, "8080"], port=8080)
        lab.nft(
            lab.server,
            filter_rules(
                "tcp dport 1 drop",
                "tcp dport 2 reject with icmpx admin-prohibited",
                "tcp dport 3 reject with tcp reset",
                "tcp dport 1000-1099 reject with icmpx host-unreachable",
            ),
        )
        yield lab


def connect(lab: Lab, address: str, port: int, timeout_s: float = 5.0) -> str:
    script = [sys.executable, "-c", CONNECT, address, str(port), str(timeout_s)]
    return lab.run(lab.client, script).stdout.strip()


def test_a_port_of_the_server_answers_on_both_families_at_once(bench: Lab) -> None:
    assert connect(bench, bench.server.ipv4, 8080) == "open"
    assert connect(bench, bench.server.ipv6, 8080) == "open"
    assert connect(bench, bench.server.ipv4, 8081) == "ECONNREFUSED"


def test_every_address_of_the_server_answers(bench: Lab) -> None:
    addresses = bench.server_addresses()
    assert addresses == ["10.99.1.2", "10.99.1.3", "10.99.1.4"]
    assert {connect(bench, address, 8080) for address in addresses} == {"open"}


def test_a_drop_rule_is_silence_and_a_reject_rule_is_an_icmp_error(bench: Lab) -> None:
    assert connect(bench, bench.server.ipv4, 1, timeout_s=0.3) == "silence"
    assert connect(bench, bench.server.ipv6, 1, timeout_s=0.3) == "silence"
    assert connect(bench, bench.server.ipv4, 2) == "icmp 3/13"
    assert connect(bench, bench.server.ipv6, 2) == "icmp 1/1"
    assert connect(bench, bench.server.ipv4, 3) == "ECONNREFUSED"


def test_a_hundred_rejects_in_a_row_are_all_told(bench: Lab) -> None:
    # With the kernel's usual limit of one ICMP error per second, all but a few would be silence.
    script = """
import errno, selectors, socket, sys, time
chosen, seen, deadline = selectors.DefaultSelector(), [], time.monotonic() + 5
for port in range(1000, 1100):
    one = socket.socket()
    one.setblocking(False)
    one.connect_ex((sys.argv[1], port))
    chosen.register(one, selectors.EVENT_WRITE)
while chosen.get_map() and time.monotonic() < deadline:
    for key, _ in chosen.select(0.1):
        seen.append(errno.errorcode[key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)])
        chosen.unregister(key.fileobj)
print(*seen)
"""
    done = bench.run(bench.client, [sys.executable, "-c", script, bench.server.ipv4])
    assert done.stdout.split() == ["EHOSTUNREACH"] * 100


def test_where_no_route_leads_the_kernel_says_so_at_once(bench: Lab) -> None:
    assert connect(bench, "192.0.2.1", 80) == "ENETUNREACH"


def test_a_dropped_path_is_silent_until_it_is_restored() -> None:
    with Lab() as lab:
        assert connect(lab, lab.server.ipv4, 9) == "ECONNREFUSED"
        lab.drop_path()
        assert connect(lab, lab.server.ipv4, 9, timeout_s=0.3) == "silence"
        assert connect(lab, lab.server.ipv6, 9, timeout_s=0.3) == "silence"
        lab.restore_path()
        assert connect(lab, lab.server.ipv4, 9) == "ECONNREFUSED"
        assert connect(lab, lab.server.ipv6, 9) == "ECONNREFUSED"


def test_two_laboratories_share_addresses_and_nothing_else() -> None:
    with Lab() as one, Lab() as other:
        one.serve(one.server, [sys.executable, "-c", LISTEN, "7"], port=7)
        assert connect(one, one.server.ipv4, 7) == "open"
        assert connect(other, other.server.ipv4, 7) == "ECONNREFUSED"


def test_after_a_failure_no_process_and_so_no_namespace_remains() -> None:
    inhabitants: set[Inhabitant] = set()
    with pytest.raises(ZeroDivisionError):
        fail_in_a_laboratory(inhabitants)
    # Two that hold a namespace open, a shell and its child: the kernel does the rest.
    assert len(inhabitants) >= 4
    assert not inhabitants & living()


def fail_in_a_laboratory(inhabitants: set[Inhabitant]) -> None:
    with Lab() as lab:
        # A shell with a child of its own: ending the shell alone would leave the child.
        shell = lab.popen(
            lab.server, ["sh", "-c", "sleep 600 & echo two; sleep 600"], stdout=subprocess.PIPE
        )
        assert shell.stdout.readline() == b"two\n"
        namespaces = {identity(lab.client), identity(lab.server)}
        inhabitants |= {each for each in living() if each.namespace in namespaces}
        raise ZeroDivisionError


def test_a_server_that_ends_before_it_listens_is_an_error_and_not_a_wait() -> None:
    with Lab() as lab, pytest.raises(RuntimeError, match="ended with 3"):
        lab.serve(lab.server, [sys.executable, "-c", "raise SystemExit(3)"], port=8080)


def identity(namespace: Namespace) -> str:
    return str(Path(f"/proc/{namespace.holder_pid}/ns/net").readlink())


class Inhabitant(NamedTuple):
    """A process by its start, too: the numbers of ended processes and namespaces are used again."""

    pid: str
    started: str
    namespace: str


def living() -> set[Inhabitant]:
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            started = (folder / "stat").read_text().rpartition(")")[2].split()[19]
            found.add(Inhabitant(folder.name, started, str((folder / "ns/net").readlink())))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            # Ended while we looked, or somebody else's.
            continue
    return found
