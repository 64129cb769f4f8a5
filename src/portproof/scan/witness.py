"""Silence needs a witness (law 2): who spoke for the path at the time a port stayed silent.

A dead uplink looks like a perfect firewall. So silence counts only between two witnesses::

      witness          silent probe          witness
    ─────●──────────────────○───────────────────●─────────►  time
         └────────── at most max_gap_ms ────────┘   and no failed positive control between

A witness is a positive control that answered as it must, or an endpoint of the same network (the
/24 or /64; one of our own addresses speaks for itself alone) on the same route that answered, by
handshake, reset or datagram. An ICMP error is none: it shows that a router is there, not the
target's network. The same route is the same next hop by the same interface, as the kernel's tables
say; neighbours on one link share it. A configured control speaks for the networks that its document
names, whatever the route: that is a person's word.

Instants are those at which the probe left, of witnesses as of silence. Of many answers in a short
time the first and the last are kept, which can only make a gap look longer.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from portproof.model.batch import REASONS, OutcomeBatch
from portproof.model.endpoint import Address, Network, Transport
from portproof.model.observation import Reason
from portproof.model.scan import (
    Control,
    ControlKind,
    ControlSample,
    PlannedHost,
    Timing,
    Witness,
)
from portproof.scan.routing import Route

Milliseconds: TypeAlias = NDArray[np.int64]

PREFIX: Final = {4: 24, 6: 64}
"""By IP version: the bits that the network around an address has."""
_BIN_MS: Final = 50

ANSWERED: Final = np.array(
    [
        reason in (Reason.HANDSHAKE, Reason.RESET, Reason.CONN_REFUSED, Reason.UDP_RESPONSE)
        for reason in REASONS
    ]
    + [False] * (256 - len(REASONS))
)
"""By reason code: whether the target itself answered. CONN_REFUSED stands where no queue tells."""
SILENT: Final = np.array(
    [reason is Reason.NO_RESPONSE for reason in REASONS] + [False] * (256 - len(REASONS))
)
"""By reason code: whether nothing came, so that a witness is needed."""


def bracketed_by_witnesses(
    sent_ms: Milliseconds, witnesses_ms: Milliseconds, failures_ms: Milliseconds, max_gap_ms: int
) -> NDArray[np.bool_]:
    """Say for each silent probe whether witnesses stand before and after it, close enough.

    `witnesses_ms` and `failures_ms` ascend. A failure between the two witnesses (or at the instant
    of one) spoils them.
    """
    if not len(witnesses_ms):
        return np.zeros(len(sent_ms), dtype=bool)
    after = np.searchsorted(witnesses_ms, sent_ms, side="left")
    before = np.searchsorted(witnesses_ms, sent_ms, side="right") - 1
    both = (before >= 0) & (after < len(witnesses_ms))
    begin = witnesses_ms[np.clip(before, 0, None)]
    end = witnesses_ms[np.clip(after, None, len(witnesses_ms) - 1)]
    failed = np.searchsorted(failures_ms, end, side="right") > np.searchsorted(
        failures_ms, begin, side="left"
    )
    result: NDArray[np.bool_] = both & (end - begin <= max_gap_ms) & ~failed
    return result


def longest_gap_ms(witnesses_ms: Milliseconds, begin_ms: int, end_ms: int) -> int:
    """Give the longest stretch between `begin_ms` and `end_ms` without a witness."""
    if end_ms <= begin_ms:
        return 0
    inside = witnesses_ms[(witnesses_ms > begin_ms) & (witnesses_ms < end_ms)]
    # A witness just outside ends the stretch, but what lies outside the span is not counted.
    return int(np.diff(np.concatenate(([begin_ms], inside, [end_ms]))).max())


def network_around(address: Address, *, own: bool) -> Network:
    """Give the network whose answers speak for the address: /24, /64, or itself when it is ours."""
    length = address.max_prefixlen if own else PREFIX[address.version]
    return ip_network((address, length), strict=False)


@dataclass(frozen=True, slots=True)
class Path:
    """What an answer speaks for: a network around an address, by one router and one interface."""

    around: Network
    router: Address | None
    """None: on the link, or no route at all."""
    interface: int | None
    """None: no route at all."""


def path_to(address: Address, route: Route | None) -> Path:
    """Give the path on which the address lies."""
    around = network_around(address, own=route is not None and route.local)
    if route is None:
        return Path(around, None, None)
    return Path(around, None if route.next_hop == address else route.next_hop, route.interface)


@dataclass(slots=True)
class Instants:
    """Moments in ascending order: of each short bin the first and the last."""

    _bins: dict[int, tuple[int, int]] = field(default_factory=dict)
    _sorted: Milliseconds | None = None

    def add(self, moments_ms: Milliseconds) -> None:
        """Take moments in, in any order."""
        for number in np.unique(moments_ms // _BIN_MS).tolist():
            inside = moments_ms[moments_ms // _BIN_MS == number]
            first, last = self._bins.get(number, (int(inside.min()), int(inside.max())))
            self._bins[number] = (min(first, int(inside.min())), max(last, int(inside.max())))
        self._sorted = None

    def ascending(self) -> Milliseconds:
        """Give what is kept, sorted, without duplicates."""
        if self._sorted is None:
            self._sorted = np.unique(np.array(list(self._bins.values()), dtype=np.int64))
        return self._sorted


@dataclass(slots=True)
class _Samples:
    good_ms: list[int] = field(default_factory=list)
    bad_ms: list[int] = field(default_factory=list)
    unasked_ms: list[int] = field(default_factory=list)
    """When it could not be asked; neither good nor bad of the control."""

    def __len__(self) -> int:
        return len(self.good_ms) + len(self.bad_ms) + len(self.unasked_ms)


@dataclass(slots=True)
class _Group:
    """Hosts of one network and route for which the same controls speak."""

    network: Network
    path: Path
    positive: tuple[str, ...]
    negative: tuple[str, ...]
    silent: int = 0
    unwitnessed: int = 0


class WitnessBook:
    """Collects control samples and answers of one run, and judges silence by them."""

    def __init__(
        self,
        hosts: Sequence[PlannedHost],
        controls: Iterable[Control],
        route_to: Callable[[Address], Route | None],
        timing: Timing,
    ) -> None:
        asked = [each for each in controls if each.endpoint.transport is Transport.TCP]
        self._max_gap_ms = timing.max_witness_gap_ms
        self._answers: dict[Path, Instants] = {}
        self._samples: dict[str, _Samples] = {each.id: _Samples() for each in asked}
        self._adopted: dict[Path, dict[str, None]] = {}
        self._groups: list[_Group] = []
        numbers: dict[tuple[Path, tuple[str, ...]], int] = {}
        group_of_host = []
        for host in hosts:
            path = path_to(host.address, route_to(host.address))
            speaking = [each for each in asked if _speaks_for(each, host.address)]
            key = (path, tuple(each.id for each in speaking))
            if key not in numbers:
                numbers[key] = len(self._groups)
                self._groups.append(_new_group(path, host.address, speaking))
            group_of_host.append(numbers[key])
        self._group_of_host = np.array(group_of_host, dtype=np.int64)

    # ------------------------------------------------------------ what is learnt

    def sampled(self, sample: ControlSample) -> None:
        """Take a control's sample: it was asked, and has shown something."""
        samples = self._samples.setdefault(sample.control_id, _Samples())
        insort(samples.good_ms if sample.as_expected else samples.bad_ms, sample.at_ms)

    def not_asked(self, sample: ControlSample) -> None:
        """Take note that a control could not be asked: nothing rests on it, for good or bad."""
        samples = self._samples.setdefault(sample.control_id, _Samples())
        insort(samples.unasked_ms, sample.at_ms)

    def adopt(self, host: int, endpoint: str) -> None:
        """Have an answering endpoint, asked again from now on, speak for its host's path."""
        path = self._groups[int(self._group_of_host[host])].path
        self._adopted.setdefault(path, {})[endpoint] = None
        self._samples.setdefault(endpoint, _Samples())

    def paths_among(self, hosts: NDArray[np.uint32]) -> Iterator[tuple[Path, NDArray[np.bool_]]]:
        """Give each path that some of the hosts lie on, and which of them do."""
        groups = self._group_of_host[hosts]
        for number in np.unique(groups).tolist():
            yield self._groups[number].path, groups == number

    def answered(self, batch: OutcomeBatch) -> None:
        """Take the answers among the outcomes in."""
        rows = ANSWERED[batch.reason]
        sent_ms = batch.sent_ms[rows].astype(np.int64)
        for path, on_it in self.paths_among(batch.host[rows]):
            self._answers.setdefault(path, Instants()).add(sent_ms[on_it])

    def unspoken_for(self, hosts: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """Say for each host whether nothing speaks for its path but passing answers."""
        lacking = [not group.positive and group.path not in self._adopted for group in self._groups]
        result: NDArray[np.bool_] = np.array(lacking, dtype=bool)[self._group_of_host[hosts]]
        return result

    def has_negative(self, hosts: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """Say for each host whether a negative control watches over its network."""
        watched = [bool(group.negative) for group in self._groups]
        result: NDArray[np.bool_] = np.array(watched, dtype=bool)[self._group_of_host[hosts]]
        return result

    def negative_asked_since(self, found: OutcomeBatch, horizon_ms: int) -> NDArray[np.bool_]:
        """Say for each row whether a negative control was asked after its probe, and has answered."""
        latest = [
            max((self._latest_of(each, horizon_ms) for each in group.negative), default=-1)
            for group in self._groups
        ]
        result: NDArray[np.bool_] = (
            np.array(latest, dtype=np.int64)[self._group_of_host[found.host]] >= found.sent_ms
        )
        return result

    def too_eager(self, hosts: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """Say for each host whether a negative control of its network has shown open."""
        eager = [
            any(self._samples[each].bad_ms for each in group.negative) for group in self._groups
        ]
        result: NDArray[np.bool_] = np.array(eager, dtype=bool)[self._group_of_host[hosts]]
        return result

    # ------------------------------------------------------------ what follows

    def witnessed(self, silent: OutcomeBatch, horizon_ms: int) -> NDArray[np.bool_]:
        """Say for each silent row whether witnesses stand around it.

        Only witnesses up to `horizon_ms` count: beyond it a control that was asked may still fail.
        """
        groups = self._group_of_host[silent.host]
        sent_ms = silent.sent_ms.astype(np.int64)
        result = np.zeros(len(silent), dtype=bool)
        for number in np.unique(groups).tolist():
            rows = groups == number
            group = self._groups[number]
            witnesses = self._witnesses_of(group)
            # Where we could not ask the control, we may not have reached the target either.
            failures = _merged(
                instants
                for each in group.positive
                for instants in (self._samples[each].bad_ms, self._samples[each].unasked_ms)
            )
            result[rows] = bracketed_by_witnesses(
                sent_ms[rows], witnesses[witnesses <= horizon_ms], failures, self._max_gap_ms
            )
        return result

    def settled(self, silent: OutcomeBatch, witnessed: NDArray[np.bool_]) -> None:
        """Count silent rows whose judgement is final."""
        groups = self._group_of_host[silent.host]
        size = len(self._groups)
        for number, count in enumerate(np.bincount(groups, minlength=size).tolist()):
            self._groups[number].silent += count
        for number, count in enumerate(np.bincount(groups[~witnessed], minlength=size).tolist()):
            self._groups[number].unwitnessed += count

    def witnesses(self, begin_ms: int, end_ms: int) -> tuple[Witness, ...]:
        """Give the witness of each network, per route, over the span in which probes were under way."""
        return tuple(self._witness(group, begin_ms, end_ms) for group in self._groups)

    def unwitnessed(self) -> dict[Network, int]:
        """Give the networks with silence that nobody witnessed, and how many endpoints it is."""
        found: Counter[Network] = Counter()
        for group in self._groups:
            found[group.network] += group.unwitnessed
        return {network: count for network, count in found.items() if count}

    def failed_controls(self, kind: ControlKind) -> dict[str, int]:
        """Give the configured and own controls that showed what they must not, and how often."""
        counts = {name: len(self._samples[name].bad_ms) for name in self._configured(kind)}
        return {name: count for name, count in counts.items() if count}

    def unasked_controls(self, kind: ControlKind) -> dict[str, int]:
        """Give the configured and own controls that could not be asked, and how often."""
        counts = {name: len(self._samples[name].unasked_ms) for name in self._configured(kind)}
        return {name: count for name, count in counts.items() if count}

    def _configured(self, kind: ControlKind) -> dict[str, None]:
        positive = kind is ControlKind.POSITIVE
        return dict.fromkeys(
            name
            for group in self._groups
            for name in (group.positive if positive else group.negative)
        )

    def _latest_of(self, name: str, horizon_ms: int) -> int:
        """Give when the control was last asked before the horizon; -1 for never."""
        samples = self._samples[name]
        asked = (*samples.good_ms[-2:], *samples.bad_ms[-2:])
        return max((each for each in asked if each <= horizon_ms), default=-1)

    def _witness(self, group: _Group, begin_ms: int, end_ms: int) -> Witness:
        adopted = tuple(self._adopted.get(group.path, ()))
        names = (*group.positive, *group.negative)
        asked = [self._samples[each] for each in (*names, *adopted)]
        return Witness(
            network=group.network,
            positive=(*group.positive, *adopted),
            negative=group.negative,
            samples=sum(len(each) for each in asked),
            failures=sum(
                len(self._samples[each].bad_ms) + len(self._samples[each].unasked_ms)
                for each in names
            ),
            longest_gap_ms=longest_gap_ms(self._witnesses_of(group), begin_ms, end_ms),
            silent=group.silent,
            unwitnessed=group.unwitnessed,
        )

    def _witnesses_of(self, group: _Group) -> Milliseconds:
        asked = (*group.positive, *self._adopted.get(group.path, ()))
        good = _merged(self._samples[each].good_ms for each in asked)
        answers = self._answers.get(group.path)
        return good if answers is None else np.union1d(good, answers.ascending())


def _new_group(path: Path, address: Address, speaking: Sequence[Control]) -> _Group:
    inside = [
        network
        for control in speaking
        for network in control.networks
        if _holds(network, address) and network.prefixlen > path.around.prefixlen
    ]
    return _Group(
        network=max(inside, key=lambda each: each.prefixlen, default=path.around),
        path=path,
        positive=tuple(each.id for each in speaking if each.kind is ControlKind.POSITIVE),
        negative=tuple(each.id for each in speaking if each.kind is ControlKind.NEGATIVE),
    )


def _speaks_for(control: Control, address: Address) -> bool:
    return any(_holds(network, address) for network in control.networks)


def _holds(network: Network, address: Address) -> bool:
    return network.version == address.version and address in network


def _merged(lists: Iterable[Sequence[int]]) -> Milliseconds:
    return np.unique(np.array([each for part in lists for each in part], dtype=np.int64))
