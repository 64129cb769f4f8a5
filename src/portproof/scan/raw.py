"""Raw records: what is kept of an exchange as it came, in texts and whole numbers.

The store keeps them by their digest, and a report cites that digest; so a key means the same
whichever engine wrote it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from errno import errorcode
from typing import TypeAlias

from portproof.model.observation import Observation
from portproof.scan.classify import IcmpError

RawRecord: TypeAlias = dict[str, str | int]


def rfc3339(moment: datetime) -> str:
    """Write an instant as RFC 3339 has it: UTC with a Z, in microseconds."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def refusal(errno: int, icmp: IcmpError | None) -> RawRecord:
    """Give what the kernel said of a rejected packet; `errno` is 0, `icmp` None where it said none.

    An ICMP error that overtakes the call leaves its errno in the queue alone. `icmp_from` is missing
    when the kernel does not name the sender.
    """
    record: RawRecord = {}
    errno = errno or (icmp.errno if icmp is not None else 0)
    if errno:
        record["errno"] = errorcode.get(errno, str(errno))
    if icmp is not None:
        record["icmp_version"] = icmp.version
        record["icmp_type"] = icmp.icmp_type
        record["icmp_code"] = icmp.code
        if icmp.offender is not None:
            record["icmp_from"] = str(icmp.offender)
    return record


def record_of(observation: Observation, exchange: RawRecord) -> RawRecord:
    """Give the raw record of an observation: its state, and the exchange kept for it (may be empty)."""
    record: RawRecord = {
        "endpoint": str(observation.endpoint),
        "state": observation.state.value,
        "reason": observation.reason.value,
        "attempts": observation.attempts,
        "sent_at": rfc3339(observation.at),
        **exchange,
    }
    if observation.rtt_us is not None:
        record["connect_rtt_us"] = observation.rtt_us
    return record
