"""What a custom rule costs on 20,000 open ports, against the same predicate as plain Python.

The floor is unfair on purpose: a function that somebody wrote into the program, with no language, no
types that are checked, no absence and no time to hold. Ours is all of a check but the scan itself:
selectors, values, expressions, judgements.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from ipaddress import ip_address

from comparison import Comparison, Tried, compare, counted

import factories as make
from own_rules import judging, rule
from portproof.model.observation import PortState, Service
from portproof.model.scan import HostOutcome, RunRecord
from portproof.policy.checks import custom_rule
from portproof.policy.evaluate import Criteria, scene_of
from portproof.policy.scene import Scene, observations

HOSTS, PORTS = 1_000, 20
GOAL = 1 / 100
"""The floor needs 0.2 µs a port; ours may need 20 µs, 50,000 ports in a second."""
_WHEN = 'service == "ssh" && port != 22 && !banner.startsWith("OpenSSH_9")'
_SSH = tuple(Service("ssh", f"OpenSSH_{version}") for version in ("7.4", "9.2", "9.9"))


def custom_rule_over_ports(rounds: int) -> Comparison:
    """One rule with three variables on 20,000 open ports, and the same in plain Python."""
    custom = judging(rule(_WHEN))
    scene = scene_of(
        _run(),
        Criteria(
            baseline=make.baseline(),
            waivers=make.waivers(),
            rules=make.SERVICE_RULES,
            vantages=make.VANTAGES,
            custom=custom,
        ),
        make.NOON,
    )
    return compare(
        f"rules: one CEL rule on {HOSTS * PORTS:,} ports, plain Python",
        _timed(scene, _ours),
        _timed(scene, _floor),
        truth=counted(_floor(scene)),
        goal=GOAL,
        rounds=rounds,
    )


def _timed(scene: Scene, work: Callable[[Scene], list[str]]) -> Callable[[], Tried]:
    def attempt() -> Tried:
        began = time.perf_counter()
        found = work(scene)
        return Tried(counted(found), time.perf_counter() - began)

    return attempt


def _ours(scene: Scene) -> list[str]:
    return [str(each.endpoint) for each in custom_rule.judge(scene) if each.endpoint is not None]


def _floor(scene: Scene) -> list[str]:
    found = []
    for sighting in scene.sightings:
        seen = observations(sighting.outcome)
        for port in sighting.open:
            service = seen[port].service
            if service is None or port == 22:
                continue
            if service.name == "ssh" and not service.product.startswith("OpenSSH_9"):
                found.append(str(seen[port].endpoint))
    return found


def _run() -> RunRecord:
    """Give a run over hosts with twenty SSH servers each; one in 60 of them is old and elsewhere."""
    return make.run(*(_host(number) for number in range(HOSTS)))


def _host(number: int) -> HostOutcome:
    ports = range(22, 22 + PORTS)
    address = str(ip_address("10.0.0.0") + number)
    return make.host_outcome(
        make.planned_host(address, tcp="22-41"),
        states={PortState.OPEN: "22-41"},
        services={port: _SSH[2 if (number + port) % 60 else 0] for port in ports},
    )


COMPARISONS = (custom_rule_over_ports,)
