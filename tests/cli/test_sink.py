from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from command import portproof
from portproof.documents import load_sink_log
from portproof.scan.sink_words import NONCE, SIZE, answer_to, question, run_of
from sinks import sink


@contextmanager
def free_port(kind: socket.SocketKind) -> Iterator[int]:
    """A port that was free a moment ago."""
    with socket.socket(type=kind) as probe:
        probe.bind(("127.0.0.1", 0))
        number = probe.getsockname()[1]
    yield number


def free_ports() -> tuple[int, int]:
    """A TCP and a UDP port that were free a moment ago."""
    with free_port(socket.SOCK_STREAM) as tcp, free_port(socket.SOCK_DGRAM) as udp:
        return tcp, udp


def put(port: int, datagram: bytes) -> socket.socket:
    sock = socket.socket(type=socket.SOCK_DGRAM)
    sock.settimeout(30)
    sock.connect(("127.0.0.1", port))
    sock.send(datagram)
    return sock


def test_a_sink_writes_down_connections_and_datagrams_and_answers_ours_alone(
    tmp_path: Path,
) -> None:
    tcp, udp = free_ports()
    ours = question("20261121T120000Z-abcdef", b"n" * NONCE)
    with sink(tmp_path / "log", ports=f"{tcp},U:{udp}") as running:
        socket.create_connection(("127.0.0.1", tcp), timeout=30).close()
        with put(udp, b"somebody else's question") as stranger, put(udp, ours) as asked:
            assert asked.recv(SIZE + 1) == answer_to(ours)
            # Its turn came first, so that an answer would be here by now.
            stranger.settimeout(0)
            with pytest.raises(BlockingIOError):
                stranger.recv(1)
        running.wait_for("arrived", 3)
        assert running.stop() == 0
        lines = running.lines()
    assert lines[0]["listening"] == [f"127.0.0.1:{tcp}/tcp", f"127.0.0.1:{udp}/udp"]
    assert [each.get("run", "") for each in lines if "arrived" in each] == [
        "",
        "",
        "20261121T120000Z-abcdef",
    ]
    assert lines[-1]["arrivals"] == 3
    assert len(load_sink_log(tmp_path / "log").arrivals) == 3


@pytest.mark.skipif(os.geteuid() != 0, reason="who is not root has no root to give up")
def test_a_sink_gives_root_up_once_it_listens(tmp_path: Path) -> None:
    _, udp = free_ports()
    with sink(tmp_path / "log", ports=f"U:{udp}") as running:
        status = Path(f"/proc/{running.process.pid}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert fields["Uid"].split() == ["65534"] * 4
    assert int(fields["CapEff"], 16) == 0
    assert int(fields["CapPrm"], 16) == 0


def test_what_is_too_much_to_write_down_is_counted(tmp_path: Path) -> None:
    tcp, _ = free_ports()
    with sink(tmp_path / "log", "--most", "1", ports=str(tcp)) as running:
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", tcp), timeout=30) as connection:
                assert connection.recv(1) == b""
        running.stop()
    assert load_sink_log(tmp_path / "log").unlisted == 2


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (("--address", "192.0.2.77", "-p", "7"), "cannot listen at 192.0.2.77:7/tcp"),
        (("--address", "127.0.0.1", "-p", "-"), "between 1 and 4,096"),
        (("--address", "localhost", "-p", "7"), "expected an IPv4 or IPv6 address"),
        (("--address", "0.0.0.0", "-p", "7"), "stands for every address"),
        (("--address", "127.0.0.1", "-p", "7", "--for", "soon"), "is no time"),
        (("--address", "127.0.0.1", "-p", "7", "--out", "there"), "is there already"),
    ],
)
def test_what_a_sink_cannot_do_is_one_clear_line(
    tmp_path: Path, options: tuple[str, ...], part: str
) -> None:
    (tmp_path / "there").write_text("an earlier log")
    answer = portproof("sink", *options, cwd=tmp_path)
    assert answer.code == 2
    assert part in answer.err
    assert "Traceback" not in answer.err
    assert (tmp_path / "there").read_text() == "an earlier log"


def test_a_sink_ends_after_the_time_it_was_given(tmp_path: Path) -> None:
    tcp, _ = free_ports()
    address = ("--address", "127.0.0.1", "-p", str(tcp))
    answer = portproof("sink", *address, "--for", "50ms", cwd=tmp_path)
    assert answer.code == 0
    assert '"ended": true' in answer.out


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"PPSINK1?",
        b"PPSINK1!" + bytes(SIZE - 8),
        b"PPSINK1?" + bytes(SIZE - 8),
        b"PPSINK1?" + b"n" * NONCE + b"\x1b[31m".ljust(SIZE - 8 - NONCE, b"\0"),
        b"PPSINK1?" + b"n" * NONCE + b"\xff" * (SIZE - 8 - NONCE),
        question("a-run", b"n" * NONCE) + b"\0",
    ],
)
def test_no_other_datagram_is_a_question(datagram: bytes) -> None:
    assert run_of(datagram) is None


def test_a_question_names_its_run() -> None:
    assert run_of(question("a-run", b"n" * NONCE)) == "a-run"
    with pytest.raises(ValueError, match="at most 32 bytes"):
        question("r" * 33, b"n" * NONCE)
