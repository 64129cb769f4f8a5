"""`scan-interference`: far too many ports of one host are open.

Either something answers for the host (a SYN proxy, a tarpit), or the host is open throughout. Both
are one finding, not thousands; what identified itself by its protocol is judged port by port all
the same, because no middlebox invents that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from portproof.model.baseline import SourceLocation
from portproof.model.finding import Judgement, Severity, Verdict
from portproof.model.ports import PortSet
from portproof.policy.scene import Scene, Sighting
from portproof.policy.severity import Trace, exposure_at, fixed, rate
from portproof.policy.wording import ports_text

RULE: Final = "scan-interference"


def judge(scene: Scene) -> Iterator[Judgement]:
    """Give one deviation per host and transport with far too many open ports."""
    for sighting in scene.sightings:
        if not sighting.doubtful:
            continue
        host = sighting.host.address
        trace = _trace(scene, sighting, sighting.doubtful - sighting.approved)
        number = len(sighting.doubtful)
        yield Judgement(
            rule=RULE,
            verdict=Verdict.DEVIATES,
            subject=scene.subject(sighting, None),
            title=f"{number} ports of {host} answer over {sighting.transport.upper()} without identifying themselves",
            because=f"{number} ports accepted a connection from {scene.run.plan.vantage.id} and none of them identified itself: {ports_text(sighting.doubtful)}. Either something answers for the host, or it is open throughout.",
            facts=("scan_interference", "unexpected_open"),
            severity=trace[-1].severity,
            trace=trace,
            action="Scan it from a place without a firewall or proxy in between, and compare.",
            owner=sighting.asset.owner if sighting.asset else "",
            location=SourceLocation(file=scene.baseline.file, line=1),
        )


def _trace(scene: Scene, sighting: Sighting, ports: PortSet) -> Trace:
    """Give the trace of the worst of the ports, as if it were what its number says."""
    traces = (rate(exposure_at(scene, sighting, port, None)) for port in ports)
    worst = max(traces, key=lambda trace: trace[-1].severity.rank)
    held = worst[-1].severity
    least = held if held.rank > Severity.MEDIUM.rank else Severity.MEDIUM
    return (*worst, *fixed(least, "interference", "the worst of the ports, at least medium"))
