"""Objects of the model with sensible defaults: a test states only the facts that matter to it.

The world they describe: a vantage `ext-1` in the untrusted zone `internet`, a trusted zone
`office` (10.9.0.0/16) and a protected zone `cde` (10.66.0.0/16), a host 10.0.0.5 asked at every TCP
port, and the noon of 21 November 2026.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Any

from portproof.model.baseline import (
    Approval,
    Asset,
    Baseline,
    BaselineEntry,
    Presence,
    SourceLocation,
    Tier,
)
from portproof.model.endpoint import Endpoint, Network, Transport
from portproof.model.finding import (
    Evaluation,
    Finding,
    FindingStatus,
    Judgement,
    Severity,
    Subject,
    Verdict,
)
from portproof.model.observation import (
    Certificate,
    LocalFault,
    Observation,
    PortState,
    Reason,
    Service,
    TlsFacts,
)
from portproof.model.ports import PortSet
from portproof.model.portspec import parse_ports
from portproof.model.rule import (
    FactDefinition,
    FactDefinitions,
    Framework,
    FrameworkControl,
    Polarity,
    ServiceRule,
    ServiceRules,
    Strength,
)
from portproof.model.scan import (
    AuthorisationRef,
    ClockFacts,
    Control,
    ControlKind,
    ControlSample,
    Coverage,
    HostOutcome,
    PlannedHost,
    RunRecord,
    RunStatus,
    ScanPlan,
)
from portproof.model.vantage import Trust, Vantage, Vantages, Zone
from portproof.model.waiver import Waiver, Waivers

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
TODAY = NOON.date()
HOST = "10.0.0.5"

VANTAGE = Vantage(id="ext-1", zone="internet", description="a rented machine")
VANTAGES = Vantages(
    zones=(
        Zone(name="internet", trust=Trust.UNTRUSTED),
        Zone(name="office", trust=Trust.TRUSTED, networks=(ip_network("10.9.0.0/16"),)),
        Zone(name="local", trust=Trust.TRUSTED, networks=(ip_network("127.0.0.0/8"),)),
        Zone(
            name="cde", trust=Trust.TRUSTED, networks=(ip_network("10.66.0.0/16"),), protected=True
        ),
    ),
    vantages=(VANTAGE, Vantage(id="desk", zone="office"), Vantage(id="local", zone="local")),
    digest="d" * 64,
)

NEGATIVE_CONTROL = Control(
    id="unroutable",
    kind=ControlKind.NEGATIVE,
    endpoint=Endpoint(ip_address("192.0.2.1"), Transport.TCP, 9),
    networks=(ip_network("0.0.0.0/0"),),
)

_REASONS = {
    PortState.OPEN: Reason.HANDSHAKE,
    PortState.CLOSED: Reason.RESET,
    PortState.FILTERED: Reason.NO_RESPONSE,
    PortState.OPEN_FILTERED: Reason.NO_RESPONSE,
}


def ports(text: str) -> PortSet:
    """Give the ports of a specification such as `22,80,8000-8100`, `-`, or of nothing."""
    return parse_ports(text).tcp if text else PortSet.empty()


def endpoint(text: str) -> Endpoint:
    """Give `10.0.0.5:22/tcp` or `[::1]:53/udp` as an endpoint."""
    place, transport = text.rsplit("/", 1)
    host, port = place.rsplit(":", 1)
    return Endpoint(ip_address(host.strip("[]")), Transport(transport), int(port))


def network(text: str) -> Network:
    """Give a network; a single address is a /32 or /128."""
    return ip_network(text)


# ---------------------------------------------------------------- what was seen


def certificate(**changes: Any) -> Certificate:
    """Give a leaf certificate for www.example.com that holds for a year around noon."""
    defaults: dict[str, Any] = {
        "subject": "CN=www.example.com",
        "issuer": "CN=Example CA",
        "names": ("www.example.com",),
        "not_before": NOON - timedelta(days=180),
        "not_after": NOON + timedelta(days=185),
        "serial": "01",
        "sha256": "c" * 64,
        "key": "rsa 2048",
    }
    return Certificate(**(defaults | changes))


def tls(leaf: Certificate | None = None, *, server_name: str | None = None) -> TlsFacts:
    """Give what a TLS 1.3 handshake shows, with the default certificate unless another is given."""
    return TlsFacts(
        version="TLSv1.3",
        cipher="TLS_AES_256_GCM_SHA384",
        certificate=leaf or certificate(),
        server_name=server_name,
    )


def observation(place: Endpoint, state: PortState = PortState.OPEN, **changes: Any) -> Observation:
    """Give one endpoint as seen at noon, by default open and unidentified."""
    silent = state in (PortState.FILTERED, PortState.OPEN_FILTERED)
    udp_answer = place.transport is Transport.UDP and state is PortState.OPEN
    defaults: dict[str, Any] = {
        "endpoint": place,
        "state": state,
        "reason": Reason.UDP_RESPONSE if udp_answer else _REASONS[state],
        "at": NOON,
        "rtt_us": None if silent else 420,
    }
    return Observation(**(defaults | changes))


def planned_host(
    address: str = HOST, *, name: str | None = None, tcp: str = "-", udp: str = ""
) -> PlannedHost:
    """Give one address with the ports that are asked of it."""
    return PlannedHost(
        address=ip_address(address),
        target=name or address,
        name=name,
        tcp=ports(tcp),
        udp=ports(udp),
    )


def host_outcome(
    host: PlannedHost | None = None,
    *,
    transport: Transport = Transport.TCP,
    states: Mapping[PortState, str] | None = None,
    unmeasured: Mapping[LocalFault, str] | None = None,
    services: Mapping[int, Service] | None = None,
    fill: PortState | None = PortState.CLOSED,
) -> HostOutcome:
    """Give the outcomes of one host: what `states` and `unmeasured` say, `fill` for the rest.

    With `fill=None` the rest is missing. Open ports get an observation, with the service of
    `services`, if any.
    """
    host = host or planned_host()
    seen = {state: ports(text) for state, text in (states or {}).items()}
    faults = {fault: ports(text) for fault, text in (unmeasured or {}).items()}
    rest = host.ports(transport)
    for held in (*seen.values(), *faults.values()):
        rest = rest - held
    if fill is not None and rest:
        seen[fill] = seen.get(fill, PortSet.empty()) | rest
    opened = seen.get(PortState.OPEN, PortSet.empty())
    return HostOutcome(
        host=host,
        transport=transport,
        states=seen,
        reasons={_REASONS[state]: held for state, held in seen.items()},
        unmeasured=faults,
        observations=tuple(
            observation(
                Endpoint(host.address, transport, port),
                service=(services or {}).get(port),
                evidence="e" * 64,
            )
            for port in opened
        ),
    )


def open_host(address: str = HOST, **services: Service | None) -> HostOutcome:
    """Give a host that is closed but for the ports named `p22`, `p443`, each with its service."""
    numbers = {int(key.removeprefix("p")): service for key, service in services.items()}
    return host_outcome(
        planned_host(address),
        states={PortState.OPEN: ",".join(map(str, numbers))} if numbers else {},
        services={port: service for port, service in numbers.items() if service},
    )


def run(*hosts: HostOutcome, **changes: Any) -> RunRecord:
    """Give a complete run over the hosts, with the coverage that follows from them.

    `plan` may hold changes to the plan as a mapping; everything else changes the record.
    """
    outcomes = hosts or (host_outcome(),)
    plan_changes: dict[str, Any] = changes.pop("plan", {})
    defaults: dict[str, Any] = {
        "plan": scan_plan(hosts=_planned(outcomes), **plan_changes),
        "status": RunStatus.COMPLETE,
        "status_reason": "",
        "started": NOON - timedelta(minutes=5),
        "finished": NOON,
        "duration_ms": 300_000,
        "hosts": tuple(outcomes),
        "coverage": tuple(coverage(outcomes, each) for each in Transport),
        "witnesses": (),
        "samples": (ControlSample(control_id="canary", at_ms=0, as_expected=True, seen="open"),),
        "own_listeners": (),
        "clock": ClockFacts(source="chrony", synchronised=True),
        "tool_version": "0.1.0",
    }
    return RunRecord(**(defaults | changes))


def scan_plan(**changes: Any) -> ScanPlan:
    """Give a plan of one host from the vantage `ext-1`."""
    defaults: dict[str, Any] = {
        "run_id": "20261121T115500Z-0001",
        "vantage": VANTAGE,
        "scope": "shop",
        "hosts": (planned_host(),),
        "controls": (NEGATIVE_CONTROL,),
        "authorisation": authorisation_ref(),
        "silent_ports": PortSet.empty(),
        "seed": 1,
    }
    return ScanPlan(**(defaults | changes))


def authorisation_ref() -> AuthorisationRef:
    """Give the reference of an authorisation that holds for a year."""
    return AuthorisationRef(
        id="AUTH-1",
        owner="Example Ltd",
        contact="noc@example.com",
        valid_from=NOON - timedelta(days=30),
        valid_until=NOON + timedelta(days=335),
        digest="a" * 64,
    )


def coverage(hosts: Iterable[HostOutcome], transport: Transport) -> Coverage:
    """Count what the hosts planned and measured over one transport."""
    of_it = [each for each in hosts if each.transport is transport]
    planned = sum(len(each.host.ports(transport)) for each in of_it)
    measured = sum(len(held) for each in of_it for held in each.states.values())
    faults: dict[LocalFault, int] = {}
    for each in of_it:
        for fault, held in each.unmeasured.items():
            faults[fault] = faults.get(fault, 0) + len(held)
    return Coverage(
        transport=transport,
        planned=planned,
        measured=measured,
        unmeasured=faults,
        missing=planned - measured - sum(faults.values()),
    )


def _planned(outcomes: Sequence[HostOutcome]) -> tuple[PlannedHost, ...]:
    return tuple(dict.fromkeys(each.host for each in outcomes))


# ---------------------------------------------------------------- what people wrote


def approval(**changes: Any) -> Approval:
    """Give a complete approval by two persons, in force for half a year around noon."""
    defaults: dict[str, Any] = {
        "requester": "web-team@example.com",
        "approver": "security@example.com",
        "approved_on": date(2026, 9, 1),
        "review_by": date(2027, 2, 28),
        "ticket": "CHG-1",
    }
    return Approval(**(defaults | changes))


def entry(hosts: str = HOST, port_text: str = "22", **changes: Any) -> BaselineEntry:
    """Give an inbound TCP entry of some hosts (addresses, networks, names), approved from `internet`."""
    listed = [each.strip() for each in hosts.split(",") if each.strip()]
    names = tuple(each for each in listed if each[-1].isalpha() and ":" not in each)
    defaults: dict[str, Any] = {
        "id": "web",
        "networks": tuple(ip_network(each) for each in listed if each not in names),
        "names": names,
        "hosts_text": tuple(listed),
        "transport": Transport.TCP,
        "ports": ports(port_text),
        "zones": ("internet",),
        "service": "",
        "presence": Presence.ALLOWED,
        "tier": Tier.TWO,
        "owner": "Web team",
        "justification": "Customers order here.",
        "approval": approval(),
        "location": SourceLocation(file="baseline.yaml", line=7, column=3),
    }
    return BaselineEntry(**(defaults | changes))


def required(hosts: str = HOST, port_text: str = "5432", **changes: Any) -> BaselineEntry:
    """Give an entry whose service must answer."""
    return entry(hosts, port_text, **({"id": "db", "presence": Presence.REQUIRED} | changes))


def asset(asset_id: str, networks: str = HOST, **changes: Any) -> Asset:
    """Give an asset of some networks."""
    held = tuple(ip_network(each.strip()) for each in networks.split(",") if each.strip())
    return Asset(id=asset_id, networks=held, **changes)


def baseline(*entries: BaselineEntry, **changes: Any) -> Baseline:
    """Give a baseline of the scope `shop`, reviewed two months ago."""
    defaults: dict[str, Any] = {
        "scope": "shop",
        "entries": tuple(entries),
        "file": "baseline.yaml",
        "digest": "b" * 64,
        "reviewed_on": date(2026, 9, 21),
        "reviewed_by": "audit@example.com",
    }
    return Baseline(**(defaults | changes))


def waiver(*rules: str, **changes: Any) -> Waiver:
    """Give a waiver of the rules, for every host and port, in force for a month around noon."""
    defaults: dict[str, Any] = {
        "id": "W-1",
        "rules": rules or ("unapproved-exposure",),
        "networks": (),
        "names": (),
        "transport": None,
        "ports": None,
        "zones": (),
        "reason": "The migration ends in December.",
        "requester": "web-team@example.com",
        "approver": "security@example.com",
        "begins": NOON - timedelta(days=15),
        "expires": NOON + timedelta(days=15),
        "location": SourceLocation(file="waivers.yaml", line=3),
    }
    return Waiver(**(defaults | changes))


def waivers(*held: Waiver) -> Waivers:
    """Give a waiver document."""
    return Waivers(waivers=tuple(held), digest="f" * 64)


def service_rule(service: str, port_text: str, service_class: str, **changes: Any) -> ServiceRule:
    """Give a service rule, by default high from outside and medium from inside."""
    defaults: dict[str, Any] = {
        "id": f"SVC-{service}",
        "service": service,
        "ports": ports(port_text),
        "transport": Transport.TCP,
        "service_class": service_class,
        "external": Severity.HIGH,
        "internal": Severity.MEDIUM,
        "rationale": "It should not be reachable.",
        "remediation": f"Close {service}.",
        "controls": ("pci:1.2.5",),
    }
    return ServiceRule(**(defaults | changes))


SERVICE_RULES = ServiceRules(
    version="test",
    rules=(
        service_rule("telnet", "23", "cleartext_admin", external=Severity.CRITICAL),
        service_rule("ftp", "21", "cleartext_transfer"),
        service_rule("http", "80", "web", external=Severity.LOW, internal=Severity.LOW),
        service_rule("https", "443", "web", external=Severity.INFO, internal=Severity.INFO),
        service_rule("ssh", "22", "remote_admin", external=Severity.MEDIUM, internal=Severity.INFO),
        service_rule("redis", "6379", "datastore", external=Severity.CRITICAL),
        service_rule("postgresql", "5432", "datastore", external=Severity.CRITICAL),
        service_rule("docker-api", "2375", "control_plane", external=Severity.CRITICAL),
        service_rule("dns", "53", "udp_amplifier", transport=Transport.UDP),
        service_rule("chargen", "19", "udp_amplifier", transport=Transport.UDP),
        service_rule("sip", "5060", "legacy", transport=Transport.UDP),
    ),
    digest="9" * 64,
)


# ---------------------------------------------------------------- what was judged


def judgement(rule: str = "unapproved-exposure", **changes: Any) -> Judgement:
    """Give a deviation of medium severity at 10.0.0.5:8080/tcp."""
    place = changes.pop("endpoint", endpoint("10.0.0.5:8080/tcp"))
    defaults: dict[str, Any] = {
        "rule": rule,
        "verdict": Verdict.DEVIATES,
        "subject": Subject(
            asset=str(place.address),
            zone="internet",
            transport=place.transport,
            port=place.port,
            address=str(place.address),
        ),
        "title": "Unapproved exposure",
        "because": "It accepted a connection.",
        "endpoint": place,
        "location": SourceLocation(file="baseline.yaml", line=1),
    }
    given = defaults | changes
    if given["verdict"] in (Verdict.DEVIATES, Verdict.WAIVED):
        given.setdefault("severity", Severity.MEDIUM)
    return Judgement(**given)


def evaluation(*judgements: Judgement, **changes: Any) -> Evaluation:
    """Give an evaluation at noon, seen from an untrusted zone, with every document at hand."""
    defaults: dict[str, Any] = {
        "judgements": tuple(judgements),
        "scope": "shop",
        "at": NOON,
        "trust": Trust.UNTRUSTED,
        "available": frozenset({"baseline", "service_rules", "zones"}),
    }
    return Evaluation(**(defaults | changes))


def finding(judged: Judgement | None = None, **changes: Any) -> Finding:
    """Give a finding that was opened a week ago and seen twice."""
    judged = judged or judgement()
    defaults: dict[str, Any] = {
        "fingerprint": judged.fingerprint,
        "judgement": judged,
        "status": FindingStatus.OPEN,
        "first_seen": NOON - timedelta(days=7),
        "last_seen": NOON - timedelta(days=1),
        "times_seen": 2,
        "run_id": "20261120T115500Z-0001",
    }
    return Finding(**(defaults | changes))


def fact_definitions(*definitions: FactDefinition) -> FactDefinitions:
    """Give a vocabulary of facts."""
    return FactDefinitions(facts=tuple(definitions), digest="8" * 64)


def fact(
    fact_id: str, *needs: str, polarity: Polarity = Polarity.DEFICIENCY, text: str = "A fact."
) -> FactDefinition:
    """Give the definition of one fact."""
    return FactDefinition(id=fact_id, polarity=polarity, needs=needs, text=text)


def control(control_id: str, *facts: str, **changes: Any) -> FrameworkControl:
    """Give a control that some facts touch, by default with strong evidence."""
    defaults: dict[str, Any] = {
        "id": control_id,
        "paraphrase": "Only what is approved is reachable.",
        "strength": Strength.STRONG,
        "facts": facts,
        "accept": "The register and a run.",
        "cannot": "Device configurations.",
    }
    return FrameworkControl(**(defaults | changes))


def framework(*controls: FrameworkControl) -> Framework:
    """Give a framework of some controls."""
    return Framework(
        id="example",
        title="Example framework",
        version="1",
        disclaimer="Supporting evidence only.",
        controls=tuple(controls),
        digest="7" * 64,
    )
