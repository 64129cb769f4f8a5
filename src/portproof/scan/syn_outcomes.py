"""What the raw helper tells, as outcomes: ends and ICMP errors become states, reasons and faults."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from errno import EHOSTUNREACH
from ipaddress import IPv4Address, IPv6Address
from typing import Final

import numpy as np
from numpy.typing import NDArray

from portproof.model.batch import FAULTS, NO_RTT, NONE, REASONS, STATES, TRANSPORTS, OutcomeBatch
from portproof.model.endpoint import Address, Transport
from portproof.model.observation import LocalFault, PortState, Reason
from portproof.model.rawwire import End, Records
from portproof.scan.classify import IcmpError, Verdict, fault_of_errno, tcp_outcome
from portproof.scan.routing import is_own

_V4: Final = 4
_MS: Final = 1000
_VERDICTS: Final[dict[int, Verdict]] = {
    End.SYN_ACK: (PortState.OPEN, Reason.HANDSHAKE),
    End.RESET: (PortState.CLOSED, Reason.RESET),
    End.SILENT: (PortState.FILTERED, Reason.NO_RESPONSE),
    End.NO_NEIGHBOUR: LocalFault.NO_NEIGHBOUR,
    End.LATE: LocalFault.HOST_TIMEOUT,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """The endpoints that records are about, row by row."""

    host: NDArray[np.uint32]
    port: NDArray[np.uint16]


def batch_of_ends(asked: Asked, records: Records, began_s: float) -> OutcomeBatch:
    """Give the outcomes of probes that were answered by TCP, or not at all.

    `began_s` is the run's start by the helper's clock.
    """
    ends = records["end"]
    verdicts: list[tuple[NDArray[np.bool_], Verdict]] = []
    for end in np.unique(ends).tolist():
        rows = ends == end
        if end == End.NOT_SENT:
            codes = np.unique(records["code"][rows]).tolist()
            verdicts += [(rows & (records["code"] == code), fault_of_errno(code)) for code in codes]
        else:
            verdicts.append((rows, _VERDICTS[end]))
    return _batch(asked, records, verdicts, began_s)


def errors_of(
    asked: Asked, records: Records, address_of: Callable[[int], Address]
) -> list[IcmpError]:
    """Give the ICMP error that each row met; `address_of` gives the address of a host."""
    errors = []
    for host, row in zip(asked.host.tolist(), records, strict=True):
        version = int(row["version"])
        packed = bytes(row["offender"])
        offender = IPv4Address(packed[:4]) if version == _V4 else IPv6Address(packed)
        # A reject rule of our own about ourselves is the target's answer; about others, a fault.
        local = is_own(offender) and not is_own(address_of(host))
        errors.append(IcmpError(version, int(row["type"]), int(row["code"]), offender, local))
    return errors


def batch_of_icmp(
    asked: Asked, records: Records, errors: Sequence[IcmpError], began_s: float
) -> OutcomeBatch:
    """Give the outcomes of probes that ICMP errors answered, one for each row."""
    # An ICMP error decides whatever the errno, except a handshake's 0 and ECONNRESET.
    of_row = [tcp_outcome(EHOSTUNREACH, error) for error in errors]
    verdicts = [
        (np.array([each == verdict for each in of_row]), verdict)
        for verdict in dict.fromkeys(of_row)
    ]
    return _batch(asked, records, verdicts, began_s)


def batch_of_fault(asked: Asked, fault: LocalFault, sent_ms: int) -> OutcomeBatch:
    """Give endpoints as Unmeasured, to which nothing was sent, as far as is known."""
    size = len(asked.host)
    return OutcomeBatch(
        host=asked.host,
        port=asked.port,
        transport=np.full(size, TRANSPORTS.index(Transport.TCP), dtype=np.uint8),
        state=np.full(size, NONE, dtype=np.uint8),
        reason=np.full(size, NONE, dtype=np.uint8),
        fault=np.full(size, FAULTS.index(fault), dtype=np.uint8),
        rtt_us=np.full(size, NO_RTT, dtype=np.int32),
        attempts=np.zeros(size, dtype=np.uint8),
        sent_ms=np.full(size, sent_ms, dtype=np.uint32),
    )


def _batch(
    asked: Asked,
    records: Records,
    verdicts: list[tuple[NDArray[np.bool_], Verdict]],
    began_s: float,
) -> OutcomeBatch:
    size = len(records)
    state, reason, fault = (np.full(size, NONE, dtype=np.uint8) for _ in range(3))
    for rows, verdict in verdicts:
        if isinstance(verdict, LocalFault):
            fault[rows] = FAULTS.index(verdict)
        else:
            state[rows], reason[rows] = STATES.index(verdict[0]), REASONS.index(verdict[1])
    return OutcomeBatch(
        host=asked.host,
        port=asked.port,
        transport=np.full(size, TRANSPORTS.index(Transport.TCP), dtype=np.uint8),
        state=state,
        reason=reason,
        fault=fault,
        rtt_us=records["rtt_us"].astype(np.int32),
        attempts=records["attempts"].astype(np.uint8),
        sent_ms=np.maximum((records["sent_s"] - began_s) * _MS, 0.0).astype(np.uint32),
    )
