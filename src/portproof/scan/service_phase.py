"""The last questions of a run: who is behind the open TCP ports."""

from __future__ import annotations

from dataclasses import replace

from portproof.model.endpoint import Transport
from portproof.model.observation import PortState
from portproof.scan.desk import Desk
from portproof.scan.identify import Identified, IdentifyRequest, identify
from portproof.scan.limits import fit_connections


def identify_services(desk: Desk) -> None:
    """Converse with every open TCP port, our own controls apart."""
    plan = desk.plan
    own = {each.endpoint for each in plan.controls if each.own}
    opened = {
        observation.endpoint: host
        for host, observation in desk.fold.observations(Transport.TCP)
        if observation.state is PortState.OPEN and observation.endpoint not in own
    }
    requests = [
        IdentifyRequest(endpoint, plan.hosts[host].name, silent=endpoint.port in plan.silent_ports)
        for endpoint, host in opened.items()
    ]
    identified = 0

    def took(result: Identified) -> None:
        nonlocal identified
        identified += 1
        _took_service(desk, opened[result.endpoint], result)

    desk.enter("services", len(requests), lambda: identified)
    if requests:
        identify(
            requests,
            timing=plan.timing,
            max_connections=fit_connections(desk.place.rates.max_connections),
            per_host=desk.place.rates.per_host_connections,
            stop=desk.tick_and_stop,
            on_result=took,
        )


def _took_service(desk: Desk, host: int, result: Identified) -> None:
    desk.masked += result.masked
    observation = desk.fold.find(host, result.endpoint)
    if observation is None:
        return
    if result.raw is not None:
        desk.raw[result.endpoint] = desk.raw.get(result.endpoint, {}) | result.raw
    desk.tell(host, replace(observation, service=result.service, asked=result.asked))
