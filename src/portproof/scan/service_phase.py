"""The last questions of a run: who is behind the open TCP ports."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from portproof.model.endpoint import Endpoint, Transport
from portproof.model.observation import PortState
from portproof.scan.conversations import Conversations
from portproof.scan.crowded import Crowded
from portproof.scan.desk import Desk
from portproof.scan.identify import Identified, IdentifyRequest, Setting, identify_in
from portproof.scan.limits import fit_connections
from portproof.scan.relay_phase import relayed


def identify_services(desk: Desk) -> None:
    """Converse with every open TCP port, our own controls apart."""
    plan = desk.plan
    own = {each.endpoint for each in plan.controls if each.own}
    opened = {
        observation.endpoint: host
        for host, observation in desk.fold.observations(Transport.TCP)
        if observation.state is PortState.OPEN
        and observation.endpoint not in own
        and not desk.has_told(observation.endpoint)
    }
    requests = [
        IdentifyRequest(endpoint, plan.hosts[host].name, silent=endpoint.port in plan.silent_ports)
        for endpoint, host in opened.items()
    ]
    crowded = Crowded((host, endpoint.port) for endpoint, host in opened.items())
    first = [each for each in requests if _at_once(crowded, opened, each)]
    waiting = [each for each in requests if not _at_once(crowded, opened, each)]
    identified = 0

    def took(result: Identified) -> None:
        nonlocal identified
        identified += 1
        crowded.answered(opened[result.endpoint], told=result.service is not None)
        _took_service(desk, opened[result.endpoint], result)

    desk.enter("services", len(requests), lambda: identified)
    _ask(desk, first, took)
    rest = [each for each in waiting if crowded.worth_asking(opened[each.endpoint])]
    if not desk.stop():
        asked = {each.endpoint for each in rest}
        desk.leave_untold(each.endpoint for each in waiting if each.endpoint not in asked)
    desk.enter("services", len(first) + len(rest), lambda: identified)
    _ask(desk, rest, took)


def _at_once(crowded: Crowded, opened: Mapping[Endpoint, int], request: IdentifyRequest) -> bool:
    return crowded.at_once(opened[request.endpoint], request.endpoint.port)


def _ask(
    desk: Desk, requests: Sequence[IdentifyRequest], took: Callable[[Identified], None]
) -> None:
    if requests and not desk.stop():
        tunnel, most = desk.place.tunnel, desk.place.rates.max_connections
        setting = Setting(
            timing=desk.plan.timing,
            max_connections=fit_connections(min(most, tunnel.way.at_once) if tunnel else most),
            per_host=desk.place.rates.per_host_connections,
            switchboard=relayed(tunnel) if tunnel else Conversations,
        )
        identify_in(setting, requests, stop=desk.tick_and_stop, on_result=took)


def _took_service(desk: Desk, host: int, result: Identified) -> None:
    desk.masked += result.masked
    observation = desk.fold.find(host, result.endpoint)
    if observation is None:
        return
    if result.raw is not None:
        desk.raw[result.endpoint] = desk.raw.get(result.endpoint, {}) | result.raw
    desk.tell(host, replace(observation, service=result.service, asked=result.asked))
