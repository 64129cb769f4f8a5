"""What `portproof sink` wrote: JSON lines, one for its beginning, one for each thing that arrived.

    {"sink": "portproof.sink/1", "at": ..., "listening": ["192.0.2.7:443/tcp", "192.0.2.7:53/udp"]}
    {"at": ..., "arrived": "192.0.2.7:53/udp", "from": "10.66.0.2:40123", "run": "2026..."}
    {"at": ..., "watching": true}
    {"at": ..., "ended": true, "arrivals": 12, "unlisted": 0}

It says nothing about the time after its last line. A last line that was cut off in the middle (the
sink was killed, the disk was full) is passed over; any other line that cannot be read is a fault.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from portproof.errors import DocumentError, Fault
from portproof.model.endpoint import Endpoint, Transport
from portproof.model.segmentation import SinkArrival, SinkLog

SCHEMA: Final = "portproof.sink/1"
_MOST_BYTES: Final = 256 * 1024 * 1024


def load_sink_log(path: Path) -> SinkLog:
    """Read a sink's log.

    Raises:
        DocumentError: it cannot be read, is no sink's log, or a line of it is broken.
    """
    content = _read(path)
    lines = content.split(b"\n")
    reader = _Reader(str(path))
    for number, line in enumerate(lines, 1):
        # What does not end in a line break was still being written.
        if line and number < len(lines):
            reader.take(number, line)
    return reader.log(hashlib.sha256(content).hexdigest())


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as failure:
        problem = f"cannot be read: {failure.strerror or failure}"
        raise DocumentError([Fault(str(path), 0, 0, problem)]) from failure
    if len(content) > _MOST_BYTES:
        problem = f"larger than {_MOST_BYTES // 1024 // 1024} MiB: that is no sink's log"
        raise DocumentError([Fault(str(path), 0, 0, problem)])
    return content


class _Reader:
    """Takes the lines of one log in."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._endpoints: tuple[Endpoint, ...] = ()
        self._times: list[datetime] = []
        self._arrivals: list[SinkArrival] = []
        self._unlisted = 0

    def take(self, number: int, line: bytes) -> None:
        """Take one line in.

        Raises:
            DocumentError: it cannot be read, or is the first and no beginning of a log.
        """
        try:
            told = json.loads(line)
            at = _instant(told["at"])
            if not self._times:
                self._begin(told)
            if "arrived" in told:
                self._arrivals.append(_arrival(at, told))
            self._unlisted = max(self._unlisted, int(told.get("unlisted", 0)))
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as fault:
            problem = f"no line of a sink's log ({fault}); name the output of `portproof sink`"
            raise DocumentError([Fault(self._file, number, 1, problem)]) from fault
        self._times.append(at)

    def log(self, digest: str) -> SinkLog:
        """Give all that was taken in.

        Raises:
            DocumentError: there was not one line.
        """
        if not self._times:
            problem = "no sink's log: it is empty; name the output of `portproof sink`"
            raise DocumentError([Fault(self._file, 0, 0, problem)])
        return SinkLog(
            file=self._file,
            digest=digest,
            endpoints=self._endpoints,
            started=self._times[0],
            until=max(self._times),
            arrivals=tuple(self._arrivals),
            unlisted=self._unlisted,
        )

    def _begin(self, told: dict[str, Any]) -> None:
        if told["sink"] != SCHEMA:
            raise ValueError(f"it is of version {told['sink']!r}, this portproof reads {SCHEMA}")
        self._endpoints = tuple(map(_endpoint, told["listening"]))


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a time without zone")
    return at


def _arrival(at: datetime, told: dict[str, Any]) -> SinkArrival:
    host, _, _ = str(told["from"]).rpartition(":")
    return SinkArrival(
        at=at,
        source=ip_address(host.strip("[]")),
        endpoint=_endpoint(told["arrived"]),
        run_id=str(told.get("run", "")),
    )


def _endpoint(text: str) -> Endpoint:
    place, _, transport = text.rpartition("/")
    host, _, port = place.rpartition(":")
    return Endpoint(ip_address(host.strip("[]")), Transport(transport), int(port))
