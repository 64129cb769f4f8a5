"""Init: the first documents of a new user, ready to be read, corrected and agreed to.

Nothing is approved and nothing is authorised by accident: the baseline begins without entries, and
the authorisation names only what was listed. Controls are proposals, commented out until somebody
has seen them answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from ipaddress import ip_address, ip_network
from typing import Final

from portproof.model.endpoint import Address, Endpoint, Network, Transport, bracketed
from portproof.model.ports import PortSet
from portproof.model.scan import ControlKind
from portproof.model.targetspec import (
    AddressTarget,
    NameTarget,
    NetworkTarget,
    RangeTarget,
    TargetSpec,
    address_at,
    size,
)

_NOBODY: Final = tuple(
    map(ip_address, ("192.0.2.9", "198.51.100.9", "203.0.113.9", "2001:db8::9", "3fff::9"))
)
"""Documentation addresses (RFC 5737, RFC 3849, RFC 9637), which should belong to nobody."""
_DISCARD: Final = 9
_HTTPS: Final = 443
_DNS: Final = 53
_WITH_A_ROUTER: Final = 2
"""Host bits of a network from which on it has room for a router of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstDocuments:
    """What a new user says."""

    targets: tuple[TargetSpec, ...]
    owner: str
    contact: str
    days: int
    """How long the authorisation holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlProposal:
    """An endpoint that probably answers, and the network it could witness for."""

    id: str
    endpoint: Endpoint
    networks: tuple[Network, ...]
    because: str
    kind: ControlKind = ControlKind.POSITIVE


def networks_of(targets: Sequence[TargetSpec]) -> tuple[Network, ...]:
    """Give the smallest network around each target that is no name and not this machine's loopback."""
    found: dict[Network, None] = {}
    for target in targets:
        match target:
            case AddressTarget(address=address):
                found[ip_network(address)] = None
            case NetworkTarget(network=network):
                found[network] = None
            case RangeTarget():
                low, high = address_at(target, 0), address_at(target, (size(target) or 1) - 1)
                differing = (int(low) ^ int(high)).bit_length()
                found[ip_network((low, low.max_prefixlen - differing), strict=False)] = None
            case NameTarget():
                continue
    return tuple(each for each in found if not each.is_loopback)


def propose_controls(
    hops: Mapping[Network, Address | None], resolvers: Sequence[Address]
) -> tuple[ControlProposal, ...]:
    """Propose controls for each network: what lies inside it and probably answers, and nobody.

    `hops` gives the first router towards each network, None where there is none between.
    """
    proposals: list[ControlProposal] = []
    for network, hop in hops.items():
        proposals += _positive(network, hop, resolvers)
    for version in (4, 6):
        networks = tuple(each for each in hops if each.version == version)
        nobody = _nobody(version, networks)
        if networks and nobody is not None:
            proposals.append(
                ControlProposal(
                    id=f"nobody-v{version}",
                    endpoint=Endpoint(nobody, Transport.TCP, _DISCARD),
                    networks=networks,
                    because="belongs to nobody; if it answers, something answers for everybody",
                    kind=ControlKind.NEGATIVE,
                )
            )
    return tuple(proposals)


def _nobody(version: int, networks: Sequence[Network]) -> Address | None:
    """Give an address outside the networks that belongs to nobody; None when all lie inside."""
    candidates = (each for each in _NOBODY if each.version == version)
    return next((c for c in candidates if not any(c in network for network in networks)), None)


def _positive(
    network: Network, hop: Address | None, resolvers: Sequence[Address]
) -> Iterator[ControlProposal]:
    """Propose what probably answers: inside the network before what only lies on the way to it."""
    label = str(network[0]).replace(":", "-")
    for resolver in resolvers:
        if resolver.version == network.version and resolver in network:
            place = Endpoint(resolver, Transport.TCP, _DNS)
            yield _proposal(f"resolver-{label}", place, network, "a resolver of this machine")
    if network.max_prefixlen - network.prefixlen >= _WITH_A_ROUTER:
        place = Endpoint(network[1], Transport.TCP, _HTTPS)
        yield _proposal(f"router-{label}", place, network, "often the router of that network")
    if hop is not None and hop not in network:
        place = Endpoint(hop, Transport.TCP, _HTTPS)
        because = "the first router on the way: it witnesses the way to itself and no further"
        yield _proposal(f"hop-{label}", place, network, because)


def _proposal(name: str, place: Endpoint, network: Network, because: str) -> ControlProposal:
    return ControlProposal(id=name, endpoint=place, networks=(network,), because=because)


def first_documents(
    said: FirstDocuments, *, today: date, proposals: tuple[ControlProposal, ...], udp_ports: PortSet
) -> dict[str, str]:
    """Give the documents' texts by file name, in the order in which they should be read."""
    return {
        "authorisation.yaml": _authorisation(said, today, proposals),
        "baseline.yaml": _baseline(said),
        "waivers.yaml": _WAIVERS,
        "vantages.yaml": _vantages(),
        "portproof.yaml": _settings(said, udp_ports),
    }


_NETWORKS_OF_NAMES = '  - "192.0.2.0/24"         # replace this example: the networks of your own in which the names lie'

_WAIVERS = """\
# Accepted risks. Each has an end: on it, the finding deviates again with its original first-seen.
# A waiver never touches what could not be measured.
waivers: []
# - id: legacy-ftp-until-migration
#   rules: [insecure-service]
#   hosts: ["192.0.2.21"]
#   ports: "21"
#   reason: file exchange moves to SFTP
#   requester: application team
#   approver: security officer
#   begins: 2026-11-01
#   expires: 2027-01-31          # a bare date counts to the end of that day, UTC
#   ticket: RISK-17
"""


def _authorisation(
    said: FirstDocuments, today: date, proposals: tuple[ControlProposal, ...]
) -> str:
    numeric = [each for each in said.targets if not isinstance(each, NameTarget)]
    names = [each for each in said.targets if isinstance(each, NameTarget)]
    lines = [
        "# Who allows which addresses to be probed, until when, and how fast. Nothing is sent without it.",
        "id: first-authorisation",
        f"owner: {_quoted(said.owner)}",
        f"contact: {_quoted(said.contact)}",
        "networks:",
        *(f"  - {_quoted(_bare(each))}" for each in numeric),
        *([] if numeric else [_NETWORKS_OF_NAMES]),
        f"valid_from: {today.isoformat()}",
        f"valid_until: {(today + timedelta(days=said.days)).isoformat()}   # counts to the end of that day, UTC",
        "rates:",
        "  global_pps: 20000        # probes per second, over all hosts",
        "  per_host_pps: 20000",
        "max_probes: 50000000       # endpoints that one run may ask",
        "# exclusions:",
        '#   - {network: "192.0.2.200/29", reason: infusion pumps}',
    ]
    if names:
        lines += [
            "# Addresses behind these names are in scope once you name the provider's permitted ranges:",
            "# names:",
            *(
                f'#   - {{name: {each.name}, provider: "", networks: ["192.0.2.0/24"]}}'
                for each in names
            ),
        ]
    return "\n".join([*lines, *_controls(proposals), ""])


def _controls(proposals: tuple[ControlProposal, ...]) -> list[str]:
    head = [
        "# Controls: endpoints whose answer is known beforehand. Without a positive one (or an endpoint that",
        "# answers in the same network), silence proves nothing and the run is inconclusive. This machine's",
        "# own addresses need none: portproof opens its own listener there.",
    ]
    if not proposals:
        return [*head, "controls: []"]
    told = [
        f"#   - {{id: {each.id}, kind: {each.kind}, endpoint: {_quoted(_host_port(each.endpoint))}, "
        f"networks: [{', '.join(_quoted(str(net)) for net in each.networks)}]}}   # {each.because}"
        for each in proposals
    ]
    return [
        *head,
        "# Proposed; keep those that `portproof probe HOST:PORT` shows open:",
        "# controls:",
        *told,
    ]


def _baseline(said: FirstDocuments) -> str:
    host = _bare(said.targets[0])
    return f"""\
# The approved services: anything reachable that no entry grants is a finding.
scope: first-scope
entries: []
# - id: web-https
#   hosts: [{_quoted(host)}]
#   ports: "443"
#   zones: [local]               # vantage zones it is approved from
#   service: https
#   presence: required           # or allowed
#   tier: 1
#   owner: web team
#   capability: online shop
#   breaks: customers cannot order
#   justification: public web shop
#   approval: {{requester: web team, approver: security officer, approved_on: 2026-11-01, review_by: 2027-05-01, ticket: CHG-1}}
"""


def _vantages() -> str:
    return """\
# Where probes are sent from, and how those places are classed.
zones:
  - {name: local, trust: trusted}
vantages:
  - {id: local, zone: local, description: this machine}
"""


def _settings(said: FirstDocuments, udp_ports: PortSet) -> str:
    targets = "\n".join(f"  - {_quoted(str(each))}" for each in said.targets)
    return f"""\
# What `portproof audit` does without options. Paths are relative to this file.
entity: {_quoted(said.owner)}
scope: first-scope
database: portproof.sqlite
authorisation: authorisation.yaml
baseline: baseline.yaml
waivers: waivers.yaml
vantages: vantages.yaml
vantage: local
targets:
{targets}
ports: "T:-,U:{udp_ports}"       # all TCP ports, and the UDP ports with a protocol probe
fail_on: medium
"""


def _bare(target: TargetSpec) -> str:
    """Write a target without its ports: authorisations speak of addresses."""
    match target:
        case AddressTarget(address=address):
            return str(address)
        case NetworkTarget(network=network):
            return str(network)
        case RangeTarget():
            return str(RangeTarget(target.octets))
        case NameTarget(name=name):
            return name


def _host_port(endpoint: Endpoint) -> str:
    return f"{bracketed(endpoint.address)}:{endpoint.port}"


def _quoted(text: str) -> str:
    """Write a YAML double-quoted scalar (YAML 1.2 §7.3.1)."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
