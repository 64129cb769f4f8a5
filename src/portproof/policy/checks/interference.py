"""`scan-interference`: far too many ports of one host, or of a whole network, are open.

Either a middlebox answers for the targets (a SYN proxy, a tarpit, a redirect), or they are open
throughout. Both are one finding, not thousands; what identified itself by its protocol is judged
port by port all the same, because no middlebox invents that (`policy.crowds`).

Where the ports were never asked what they are, because the run ended first, there is one judgement,
too, and it does not speak of interference.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from portproof.model.baseline import SourceLocation
from portproof.model.endpoint import Network, Transport
from portproof.model.finding import Judgement, Severity, Subject, Verdict
from portproof.model.ports import PortSet
from portproof.policy.scene import Scene, Sighting
from portproof.policy.severity import Trace, exposure_at, fixed, rate
from portproof.policy.wording import counted, ports_text

RULE: Final = "scan-interference"
_MOST_NAMED: Final = 3


def judge(scene: Scene) -> Iterator[Judgement]:
    """Give one deviation per host and transport with far too many open ports, or per network."""
    networks: dict[tuple[Network, Transport], list[Sighting]] = {}
    for sighting in scene.sightings:
        if sighting.crowd.network is not None:
            place = (sighting.crowd.network, sighting.transport)
            networks.setdefault(place, []).append(sighting)
        elif sighting.doubtful:
            interferes = sighting.crowd.is_interference
            yield _of_host(scene, sighting) if interferes else _not_asked(scene, sighting)
    for (network, transport), held in networks.items():
        yield _of_network(scene, network, transport, held)


def _of_host(scene: Scene, sighting: Sighting) -> Judgement:
    host, number = sighting.host.address, len(sighting.doubtful)
    unasked = len(sighting.crowd.unasked)
    left = f" ({counted(unasked, 'port')} of them were not asked)" if unasked else ""
    return replace(
        _blank(scene, [sighting], scene.subject(sighting, None)),
        title=f"Interference by a middlebox, or a host open throughout: {number} {sighting.transport.upper()} ports of {host} answer without identifying themselves",
        because=f"{number} ports accepted a connection from {scene.run.plan.vantage.id}, of {sighting.crowd.measured} measured, and none of them identified itself in a way of its own{left}: {ports_text(sighting.doubtful)}. Either a middlebox answers for {host}, or it is open throughout.",
    )


def _not_asked(scene: Scene, sighting: Sighting) -> Judgement:
    host, number = sighting.host.address, len(sighting.doubtful)
    return replace(
        _blank(scene, [sighting], scene.subject(sighting, None)),
        title=f"{number} {sighting.transport.upper()} ports of {host} are open and were not asked what they are",
        because=f"{number} ports accepted a connection from {scene.run.plan.vantage.id}, and the run ended before they were asked what they are: {ports_text(sighting.doubtful)}. Whether one thing answers for all of them is not known.",
        facts=("unexpected_open",),
        action="Let a run come to its end.",
    )


def _of_network(
    scene: Scene, network: Network, transport: Transport, held: Sequence[Sighting]
) -> Judgement:
    number, some = len(held), held[0]
    named = ", ".join(str(each.host.address) for each in held[:_MOST_NAMED])
    more = f" and {number - _MOST_NAMED} more" if number > _MOST_NAMED else ""
    subject = Subject(asset=str(network), zone=scene.zone, transport=transport)
    return replace(
        _blank(scene, held, subject),
        title=f"Interference by a middlebox, or a network open throughout: {number} addresses of {network} answer on every {transport.upper()} port",
        because=f"{number} addresses of {network} ({named}{more}) accepted a connection from {scene.run.plan.vantage.id} on each port that was measured of them, and did not identify themselves in a way of their own; on {some.host.address}: {ports_text(some.doubtful)}. Hosts of their own would differ: either a middlebox answers for the network, whether a host is there or not, or all of it is open throughout.",
    )


def _blank(scene: Scene, held: Sequence[Sighting], subject: Subject) -> Judgement:
    """Give a deviation on some hosts, to be completed by `replace`."""
    trace = _worst_trace(scene, held)
    owners = {each.asset.owner if each.asset else "" for each in held}
    return Judgement(
        rule=RULE,
        verdict=Verdict.DEVIATES,
        subject=subject,
        title="",
        because="",
        facts=("scan_interference", "unexpected_open"),
        severity=trace[-1].severity,
        trace=trace,
        action="Scan it from a place without a firewall or proxy in between, and compare.",
        owner=owners.pop() if len(owners) == 1 else "",
        location=SourceLocation(file=scene.baseline.file, line=1),
    )


def _worst_trace(scene: Scene, held: Sequence[Sighting]) -> Trace:
    """Give the trace of the worst port of the worst host; hosts alike are looked at once."""
    distinct: dict[object, Sighting] = {}
    for each in held:
        asset, zone = each.asset, each.target_zone
        key = (each.doubtful - each.approved, asset and asset.id, zone and zone.name)
        distinct.setdefault(key, each)
    traces = (_trace(scene, each, each.doubtful - each.approved) for each in distinct.values())
    return max(traces, key=lambda trace: trace[-1].severity.rank)


def _trace(scene: Scene, sighting: Sighting, ports: PortSet) -> Trace:
    """Give the trace of the worst of the ports, as if it were what its number says."""
    traces = (rate(exposure_at(scene, sighting, port, None)) for port in ports)
    worst = max(traces, key=lambda trace: trace[-1].severity.rank, default=())
    held = worst[-1].severity if worst else Severity.MEDIUM
    least = held if held.rank > Severity.MEDIUM.rank else Severity.MEDIUM
    return (*worst, *fixed(least, "interference", "the worst of the ports, at least medium"))
