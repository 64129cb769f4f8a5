"""Local ports by lane: no two sockets of ours can meet, whoever opened them."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator

import pytest

from portproof.scan.limits import ephemeral_ports
from portproof.scan.local_ports import ANYWHERE, LocalPorts


@pytest.fixture
def sock() -> Iterator[socket.socket]:
    with socket.socket() as one:
        yield one


def all_ports(ports: LocalPorts, lane: int) -> set[int]:
    return set(ports._pools[lane])


def test_no_two_probes_to_ourselves_can_target_each_others_port() -> None:
    ports = LocalPorts()
    leaves_by = {port: lane for lane in (0, 1, 2) for port in all_ports(ports, lane)}
    # Lane by which a probe to a port leaves that sockets of a given lane are bound to.
    answers = {leaves_by[port]: ports.lane_of[port] for port in leaves_by}
    assert all(ports.lane_of[port] == answers[leaves_by[port]] for port in leaves_by)
    assert all(answers[answers[lane]] != lane != answers[lane] for lane in answers)


def test_ports_outside_the_range_are_asked_from_inside_it() -> None:
    ports, span = LocalPorts(), ephemeral_ports()
    assert {ports.lane_of[port] for port in range(1, 1 << 16) if port not in span} == {0}
    assert all(all_ports(ports, lane) <= set(span) for lane in range(4))


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_workers_share_the_ports_without_a_common_one(workers: int) -> None:
    shares = [LocalPorts((worker, workers)) for worker in range(workers)]
    taken = [port for share in shares for lane in range(4) for port in all_ports(share, lane)]
    assert len(taken) == len(set(taken)) == len(ephemeral_ports())
    assert len({share.lane_of for share in shares}) == 1


def test_a_port_in_use_is_stepped_over(sock: socket.socket) -> None:
    ports = LocalPorts()
    first = ports._pools[0][0]
    with socket.socket() as other:
        other.bind(("127.0.0.1", first))
        bound = ports.bind(sock, "127.0.0.1", 0)
    assert bound == sock.getsockname()[1] != first


def test_without_a_port_of_its_lane_a_probe_to_ourselves_has_to_wait(sock: socket.socket) -> None:
    ports = LocalPorts()
    ports._pools[1].clear()
    with pytest.raises(OSError, match="every local port of the lane") as refused:
        ports.bind(sock, "", 1)
    assert refused.value.errno == errno.EADDRNOTAVAIL


def test_a_probe_to_another_machine_may_do_without(sock: socket.socket) -> None:
    ports = LocalPorts()
    ports._pools[ANYWHERE].clear()
    assert ports.bind(sock, "", ANYWHERE) == 0
    assert sock.getsockname()[1] == 0


def test_a_port_given_back_is_used_again(sock: socket.socket) -> None:
    ports = LocalPorts()
    port = ports.bind(sock, "", 2)
    ports._pools[2].clear()
    sock.close()
    ports.give_back(port, 2)
    with socket.socket() as another:
        assert ports.bind(another, "", 2) == port
