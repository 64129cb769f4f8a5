"""Each host of a run beside the entries that cover it."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace
from datetime import date

from portproof.model.baseline import Baseline, BaselineEntry, Status
from portproof.model.endpoint import Address, Network, Transport
from portproof.model.observation import PortState
from portproof.model.ports import PortSet
from portproof.model.scan import HostOutcome, RunRecord
from portproof.model.vantage import Vantages
from portproof.policy.crowds import Crowd, Neighbourhoods, crowd_of, network_of
from portproof.policy.places import Places
from portproof.policy.register import Register
from portproof.policy.scene import Sighting


def sightings(
    run: RunRecord, register: Register, baseline: Baseline, vantages: Vantages, on: date
) -> tuple[Sighting, ...]:
    """Lay each host of the run beside the entries that cover it."""
    laid, neighbourhoods = _Laid(run, register, Places(baseline, vantages), on), Neighbourhoods()
    held = tuple(laid.sighting(outcome) for outcome in run.hosts)
    if not any(each.crowd.answers_everywhere for each in held):
        return held
    for each in held:
        neighbourhoods.add(each.outcome.host.address, each.outcome.transport, each.crowd)
    answering = neighbourhoods.answering()
    return tuple(_in_network(each, answering) for each in held) if answering else held


def _in_network(sighting: Sighting, answering: frozenset[tuple[Network, Transport]]) -> Sighting:
    """Doubt a host that answers like all of its network, where the network answers like one."""
    network = network_of(sighting.host.address)
    if (network, sighting.transport) not in answering or not sighting.crowd.answers_everywhere:
        return sighting
    crowd = replace(sighting.crowd, network=network)
    doubtful = crowd.doubtful
    return replace(sighting, crowd=crowd, open=crowd.opened - doubtful, doubtful=doubtful)


class _Laid:
    """What all hosts of a run are laid beside."""

    def __init__(self, run: RunRecord, register: Register, places: Places, on: date) -> None:
        self._zone = run.plan.vantage.zone
        self._register, self._places, self._on = register, places, on
        self._small: dict[tuple[int, int], Crowd] = {}
        self._granted: dict[tuple[int, Transport], _Granted] = {}
        self._ours: dict[tuple[Address, Transport], PortSet] = {}
        for each in run.own_listeners:
            place = (each.address, each.transport)
            held = self._ours.get(place, PortSet.empty())
            self._ours[place] = held | PortSet.of(each.port)

    def sighting(self, outcome: HostOutcome) -> Sighting:
        """Lay one host beside the entries that cover it."""
        host, transport = outcome.host, outcome.transport
        address, name = host.address, host.name
        about = self._register.about(host)
        passed_on = self._register.passed_on(host, about)
        granted = self._of(about, transport)
        approved = granted.ports(without=passed_on) if passed_on else granted.approved
        opened = outcome.states.get(PortState.OPEN, PortSet.empty())
        if self._ours:
            opened = opened - self._ours.get((address, transport), PortSet.empty())
        crowd = self._crowd(outcome, opened, approved)
        # A crowd in which no port is alike, or was not asked, makes no port doubtful.
        doubtful = crowd.doubtful if crowd.alike or crowd.unasked else crowd.alike
        return Sighting(
            outcome=outcome,
            asset=self._places.asset_of(address, name),
            target_zone=self._places.zone_of(address),
            about=about,
            entries=granted.entries,
            approved=approved,
            listed=granted.listed,
            crowd=crowd,
            open=opened - doubtful if doubtful else opened,
            doubtful=doubtful,
            passed_on=passed_on,
        )

    def _crowd(self, outcome: HostOutcome, opened: PortSet, approved: PortSet) -> Crowd:
        """Give the crowd of a host; hosts with too few open ports for one share what there is."""
        # A stored run has one mapping for all hosts that showed the same. It keeps that, and the
        # sightings what is approved: nothing else takes their ids.
        alike = (id(outcome.states), id(approved))
        known = None if self._ours else self._small.get(alike)
        if known is None:
            known = crowd_of(outcome, opened, approved)
            if known.is_small:
                self._small[alike] = known
        return known

    def _of(self, about: tuple[BaselineEntry, ...], transport: Transport) -> _Granted:
        """Give what entries grant over a transport; worked out once for hosts that share them."""
        # The register keeps the tuple, so that no other one can take its id.
        known = self._granted.get((id(about), transport))
        if known is None:
            entries = tuple(
                each
                for each in about
                if each.transport is transport
                and self._zone in each.zones
                and each.status is not Status.PROPOSED
            )
            known = self._granted[id(about), transport] = _Granted(entries, self._on)
        return known


class _Granted:
    """Some entries of one transport that are approved from the vantage's zone, and their ports."""

    def __init__(self, entries: tuple[BaselineEntry, ...], on: date) -> None:
        self.entries = entries
        self._in_force = tuple(each for each in entries if each.in_force(on))
        self.approved = self.ports(without=())
        self.listed = self.approved
        for each in entries:
            self.listed = self.listed | each.ports

    def ports(self, *, without: Container[str]) -> PortSet:
        """Give the ports of those in force, without some that hold for another host."""
        ports = PortSet.empty()
        for each in self._in_force:
            if each.id not in without:
                ports = ports | each.ports
        return ports
