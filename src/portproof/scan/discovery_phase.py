"""The first questions of a run, where a person asked for them: which hosts are there at all."""

from __future__ import annotations

from dataclasses import replace

from portproof.model.ports import PortSet
from portproof.scan.desk import Desk
from portproof.scan.discovery import discover
from portproof.scan.tcp_phase import conditions_of


def find_hosts(desk: Desk) -> None:
    """Look for the plan's hosts; those that answer nothing are left out of the sweeps."""
    hosts = desk.plan.hosts
    desk.enter("discovery", len(hosts), lambda: 0)
    found = discover(hosts, conditions_of(desk))
    if not found.finished:
        return  # the run was stopped: of those not yet found, nothing is known
    absent = [index for index in range(len(hosts)) if index not in found.how]
    desk.fold.leave_out(absent)
    nothing = PortSet.empty()
    left = list(hosts)
    for index in absent:
        left[index] = replace(hosts[index], tcp=nothing, udp=nothing)
    desk.asked = left
