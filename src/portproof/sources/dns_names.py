"""Names, and the services that SRV records announce (RFC 2782).

A name that does not resolve fails the fetch: its asset has not gone because a resolver is down. One
that does not exist (NXDOMAIN) fails it too: a name that a person listed is expected to be there.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final

import dns.exception
import dns.rdatatype
import dns.resolver
from dns.rdtypes.IN.SRV import SRV

from portproof.model.ports import PortSet
from portproof.model.portspec import PortSpec
from portproof.model.source import DnsOptions
from portproof.sources.gathering import Found, Gathering, line

_CHECK: Final = "check the name, and that its resolver answers"
_PROTOCOLS: Final = ("_tcp", "_udp")


def fill(gathering: Gathering, options: DnsOptions) -> None:
    """List each name with its addresses, and each target of a service with its port.

    Raises:
        SourceError: a name or service could not be looked up.
    """
    for name in options.names:
        gathering.reading(name)
        gathering.add(Found(id=name, kind="name", hosts=[name, *_resolved(gathering, name)]))
    for service in options.services:
        gathering.reading(service)
        for record in _records(gathering, service, options):
            _add_service(gathering, service, record)


def _resolved(gathering: Gathering, name: str) -> list[str]:
    try:
        return [str(each) for each in gathering.ground.resolver.resolve(name)]
    except LookupError as fault:
        raise gathering.error(str(fault), _CHECK) from None


def _add_service(gathering: Gathering, service: str, record: SRV) -> None:
    target = record.target.to_text(omit_final_dot=True)
    if target in (".", "@", ""):
        # RFC 2782: a target of "." says that the service is decidedly not available there.
        gathering.skip(f"{service} is announced as not available")
        return
    protocol = next((each for each in _PROTOCOLS if f"{each}." in service.lower()), _PROTOCOLS[0])
    ports = PortSet.of(record.port) if record.port else PortSet.empty()
    none = PortSet.empty()
    gathering.add(
        Found(
            id=f"{service}/{target}",
            kind="service",
            hosts=[target, *_resolved(gathering, target)],
            ports=PortSpec(none, ports) if protocol == "_udp" else PortSpec(ports, none),
            attributes={"service": service},
        )
    )


def _records(gathering: Gathering, service: str, options: DnsOptions) -> list[SRV]:
    resolver = _resolver(gathering, options)
    lifetime = gathering.ground.limits.answer_s
    try:
        answer = resolver.resolve(service, "SRV", lifetime=lifetime, search=False)
    except dns.resolver.NoAnswer:
        return []
    except dns.resolver.NXDOMAIN:
        raise gathering.error(f"there is no name {line(service)}", _CHECK) from None
    except dns.exception.DNSException as fault:
        raise gathering.error(f"no answer about SRV {line(service)}: {fault}", _CHECK) from None
    return [each for each in answer if isinstance(each, SRV)]


def _resolver(gathering: Gathering, options: DnsOptions) -> dns.resolver.Resolver:
    if options.server is None:
        try:
            return dns.resolver.Resolver()
        except dns.resolver.NoResolverConfiguration as fault:
            raise gathering.error(str(fault), "name a 'server'") from None
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = [str(ip_address(str(options.server)))]
    resolver.port = options.port
    return resolver
