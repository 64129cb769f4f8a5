"""Names of services: what answered, what an entry expects, and which service rule speaks of it.

Two names are compared after aliases (`domain` is `dns`, `www` is `http`). A name that a probe
reports may also be only a *carrier*: HTTP and TLS carry many applications, so that an answer in
HTTP does not contradict `grafana`, while an answer in SSH does.

=============  ======================  ===========================================================
expected       seen                    verdict on the name
=============  ======================  ===========================================================
(any name)     nothing identified      cannot be told
`https`        HTTP inside TLS         same
`https`        HTTP in clear text      another service
`http`         HTTP inside TLS         another service: clients that were promised HTTP break
`tls`          anything inside TLS     same
`https`        TLS, no HTTP seen       cannot be told: it may want a client certificate, or a name
`ssh`, `http`  TLS, nothing inside     another service: these never begin with TLS
`grafana`      HTTP, in TLS or not     cannot be told: HTTP carries it
`sftp`         SSH                     same: it runs inside SSH
`redis`, …     HTTP, in TLS or not     another service: it is never spoken in HTTP
=============  ======================  ===========================================================
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from portproof.model.endpoint import Transport
from portproof.model.observation import Identification, Service
from portproof.model.rule import ServiceRule, ServiceRules

# IANA's and everyday names, on the left, of what probes and service rules call by the right one.
_ALIASES: Final = {
    "domain": "dns",
    "mariadb": "mysql",
    "ms-wbt-server": "rdp",
    "ms-sql-s": "mssql",
    "openssh": "ssh",
    "postgres": "postgresql",
    "sftp": "ssh",
    "ssl": "tls",
    "submission": "smtp",
    "www": "http",
    "www-http": "http",
}
_INSIDE_TLS: Final = {
    "https": "http",
    "smtps": "smtp",
    "submissions": "smtp",
    "ftps": "ftp",
    "rediss": "redis",
}
"""Names for a protocol inside TLS, and the name of the protocol itself."""
_NEVER_BEGIN_WITH_TLS: Final = frozenset({"http", "ssh", "telnet"})
_CARRIERS: Final = frozenset({"http", "https", "tls"})
_NOT_IN_HTTP: Final = frozenset(
    {
        *("http", "https", "tls"),
        *(
            "ftp",
            "memcached",
            "mysql",
            "ntp",
            "postgresql",
            "redis",
            "smtp",
            "snmp",
            "ssh",
            "telnet",
        ),
        "tftp",
    }
)
"""Names that an answer in HTTP contradicts: of HTTP itself in another wrapping, and of protocols that
are never spoken in it. DNS is none of them (RFC 8484)."""
# Services of the rules table that speak HTTP: an identified `http` does not contradict them.
_SPOKEN_IN_HTTP: Final = frozenset(
    {
        "admin-console-misc",
        "consul",
        "couchdb",
        "docker-api",
        "docker-api-tls",
        "elasticsearch",
        "etcd",
        "grafana",
        "http-alt",
        "http-proxy",
        "https-admin-alt",
        "jupyter",
        "kibana",
        "kube-apiserver",
        "kubelet",
        "kubelet-readonly",
        "minio",
        "node-inspector",
        "nomad",
        "printing",
        "prometheus-node-exporter",
        "rabbitmq-admin",
        "vault",
        "webmin",
        "winrm-http",
        "winrm-https",
    }
)


class Match(Enum):
    """How the service that answered stands to the one that an entry expects."""

    SAME = "same"
    OTHER = "other"
    UNTOLD = "cannot be told"


def identity(service: Service | None) -> str | None:
    """Give the name of an identified service; None when only the port number suggests one.

    HTTP inside TLS is `https`; other protocols keep their name, because TLS may have been offered
    inside them (STARTTLS).
    """
    if service is None or service.identified_by is Identification.PORT_NUMBER:
        return None
    name = _canonical(service.name)
    return "https" if name == "http" and service.tls else name


def compare(expected: str, service: Service | None) -> Match:
    """Hold what answered against the name an entry expects; see the table of this module."""
    seen, wanted = identity(service), _canonical(expected)
    if service is None or seen is None:
        return Match.UNTOLD
    if seen == wanted or (wanted == "tls" and service.tls is not None):
        return Match.SAME
    inner = _INSIDE_TLS.get(wanted)
    if inner is not None and inner == seen:
        return Match.SAME if service.tls else Match.OTHER
    if seen == "tls":
        return Match.OTHER if wanted in _NEVER_BEGIN_WITH_TLS else Match.UNTOLD
    may_carry = seen in _CARRIERS and (inner or wanted) not in _NOT_IN_HTTP
    return Match.UNTOLD if may_carry else Match.OTHER


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """The service rule that speaks of an open port, and whether only the port number leads to it."""

    rule: ServiceRule | None
    """None: no rule speaks of it."""
    inferred: bool
    """The rule was found by the port number: the service did not identify itself as that."""


class RuleBook:
    """Service rules by name and by port; the first rule of the file wins where several fit."""

    def __init__(self, rules: ServiceRules) -> None:
        self._by_name: dict[tuple[Transport, str], ServiceRule] = {}
        self._by_port: dict[tuple[Transport, int], ServiceRule] = {}
        for rule in rules.rules:
            for name in _names(rule):
                self._by_name.setdefault((rule.transport, name), rule)
            for port in rule.ports:
                self._by_port.setdefault((rule.transport, port), rule)

    def __bool__(self) -> bool:
        return bool(self._by_name)

    def named(self, transport: Transport, name: str) -> ServiceRule | None:
        """Find the rule for a service by its name; None when there is none."""
        return self._by_name.get((transport, _canonical(name)))

    def recognise(self, transport: Transport, port: int, service: Service | None) -> Recognition:
        """Find the rule for an open port: by what answered, else by its number.

        Where HTTP answered, the number may still name an application that speaks HTTP (the Docker
        API on 2375): then the worse of both rules counts. TLS alone tells nothing of what is
        inside, so that the number is all there is.
        """
        hint = self._by_port.get((transport, port))
        seen = identity(service)
        if seen is None or seen == "tls":
            return Recognition(rule=hint, inferred=hint is not None)
        rule = self.named(transport, seen)
        if seen in _CARRIERS and hint and _SPOKEN_IN_HTTP & set(_names(hint)):
            worst = _worse(rule, hint)
            return Recognition(rule=worst, inferred=worst is hint)
        return Recognition(rule=rule, inferred=False)


def _worse(rule: ServiceRule | None, hint: ServiceRule) -> ServiceRule:
    if rule is None:
        return hint
    ranked = ((each.external.rank, each.internal.rank) for each in (rule, hint))
    own, hinted = ranked
    return hint if hinted > own else rule


def _names(rule: ServiceRule) -> Iterable[str]:
    """Give the names a rule goes by: `grafana-or-dev` stands for two services."""
    return dict.fromkeys([rule.service, *rule.service.split("-or-")])


def _canonical(name: str) -> str:
    lowered = name.strip().lower()
    return _ALIASES.get(lowered, lowered)
