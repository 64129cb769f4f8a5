from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import pytest

from portproof.documents import load_sink_log
from portproof.errors import DocumentError

FIRST = (
    '{"at": "2026-11-21T12:00:00Z", "sink": "portproof.sink/1", '
    '"listening": ["192.0.2.7:443/tcp", "[2001:db8::7]:53/udp"], "pid": 7}\n'
)
ARRIVED = (
    '{"at": "2026-11-21T12:00:05Z", "arrived": "[2001:db8::7]:53/udp", '
    '"from": "[2001:db8::9]:4000", "run": "a-run"}\n'
)


def log(folder: Path, text: str) -> Path:
    path = folder / "sink.jsonl"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_log_says_where_it_listened_and_what_came(tmp_path: Path) -> None:
    read = load_sink_log(log(tmp_path, FIRST + ARRIVED))
    assert [str(each) for each in read.endpoints] == ["192.0.2.7:443/tcp", "[2001:db8::7]:53/udp"]
    (arrival,) = read.arrivals
    assert (arrival.source, arrival.run_id) == (ip_address("2001:db8::9"), "a-run")


def test_nothing_is_known_after_its_last_line(tmp_path: Path) -> None:
    read = load_sink_log(log(tmp_path, FIRST + ARRIVED))
    assert read.until == datetime(2026, 11, 21, 12, 0, 5, tzinfo=UTC)


def test_a_last_line_that_was_cut_off_is_passed_over(tmp_path: Path) -> None:
    read = load_sink_log(log(tmp_path, FIRST + ARRIVED + ARRIVED[:40]))
    assert len(read.arrivals) == 1


def test_what_was_only_counted_is_told(tmp_path: Path) -> None:
    ended = '{"at": "2026-11-21T12:01:00Z", "ended": true, "arrivals": 9, "unlisted": 3}\n'
    assert load_sink_log(log(tmp_path, FIRST + ended)).unlisted == 3


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("", 0, "it is empty"),
        ("hello\n", 1, "no line of a sink's log"),
        (ARRIVED, 1, "no line of a sink's log"),
        (FIRST.replace("sink/1", "sink/2"), 1, "this portproof reads portproof.sink/1"),
        (FIRST + '{"at": "2026-11-21T12:00:05"}\n', 2, "time without zone"),
        (FIRST + ARRIVED.replace("53/udp", "53/sctp"), 2, "sctp"),
        (FIRST + "[" * 100_000 + "\n", 2, "no line of a sink's log"),
        (FIRST + '{"at": 7}\n', 2, "no line of a sink's log"),
    ],
)
def test_what_is_no_log_is_one_clear_fault(tmp_path: Path, text: str, line: int, part: str) -> None:
    with pytest.raises(DocumentError) as caught:
        load_sink_log(log(tmp_path, text))
    (fault,) = caught.value.faults
    assert fault.line == line
    assert part in fault.problem


def test_a_log_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"missing\.jsonl: cannot be read"):
        load_sink_log(tmp_path / "missing.jsonl")
