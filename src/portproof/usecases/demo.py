"""Demo: a small truth set up beforehand, and whether the evidence says exactly that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from portproof.model.evidence import EvidenceDocument, FindingInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What is true: three ports of 127.0.0.1."""

    approved: int
    """An HTTP server listens, and the baseline approves it."""
    unapproved: int
    """An HTTP server listens that nobody approved."""
    absent: int
    """Nothing listens, and the baseline requires a PostgreSQL."""


def demo_documents(stage: Stage, *, today: date, until: date) -> dict[str, str]:
    """Give the documents of the demonstration by file name."""
    return {
        "authorisation.yaml": _AUTHORISATION.format(today=today, until=until),
        "baseline.yaml": _BASELINE.format(
            approved=stage.approved, absent=stage.absent, today=today, until=until
        ),
        "vantages.yaml": _VANTAGES,
        "portproof.yaml": _SETTINGS,
    }


def unexpected(document: EvidenceDocument, stage: Stage) -> list[str]:
    """Say where the evidence differs from what is true; empty when it does not.

    Other listeners of this machine may be findings: they are really there, and each must have been
    seen open. portproof's own may not.
    """
    problems = []
    exposures = {each.endpoint for each in document.findings if each.rule == "unapproved-exposure"}
    missing = {each.endpoint for each in document.findings if each.rule == "missing-service"}
    opens = {
        seen.endpoint
        for host in document.hosts
        for seen in host.observations
        if seen.state == "open"
    }
    if _at(stage.unapproved) not in exposures:
        problems.append(f"the unapproved server on {_at(stage.unapproved)} was not found")
    if missing != {_at(stage.absent)}:
        problems.append(
            f"missing services should be {_at(stage.absent)} alone, not {sorted(missing)}"
        )
    if _at(stage.approved) in exposures or _at(stage.approved) not in opens:
        problems.append(f"the approved server on {_at(stage.approved)} was not seen as approved")
    problems += [f"{each} is a finding but was not seen open" for each in sorted(exposures - opens)]
    problems += [
        f"portproof's own listener {each.endpoint} became a finding" for each in _own(document)
    ]
    if document.run.status != "complete":
        problems.append(f"the run is {document.run.status}: {document.run.status_reason}")
    return problems


def _own(document: EvidenceDocument) -> list[FindingInfo]:
    return [each for each in document.findings if each.endpoint in document.own_listeners]


def _at(port: int) -> str:
    return f"127.0.0.1:{port}/tcp"


_AUTHORISATION = """\
# The owner of this machine allows it to be audited over loopback.
id: demo
owner: the owner of this machine
contact: whoever ran the demonstration
networks: ["127.0.0.1", "::1"]
valid_from: {today}
valid_until: {until}
rates: {{global_pps: 100000, per_host_pps: 100000}}
"""

_BASELINE = """\
# Approved: one web server. Required: a PostgreSQL, which is not there. Nothing else.
scope: demo
assets:
  - {{id: this-machine, addresses: ["127.0.0.1", "::1"], owner: platform team, tier: 2, capability: demonstration}}
entries:
  - id: demo-web
    hosts: [this-machine]
    ports: "{approved}"
    zones: [local]
    service: http
    presence: allowed
    tier: 3
    owner: web team
    capability: demonstration pages
    breaks: the demonstration pages cannot be read
    runbook: restart the demonstration
    justification: serves the demonstration
    mitigation: {{measure: reachable from this machine only, checked_by: the bind address}}
    approval: {{requester: web team, approver: security team, approved_on: {today}, review_by: {until}, ticket: DEMO-1}}
  - id: demo-database
    hosts: ["127.0.0.1"]
    ports: "{absent}"
    zones: [local]
    service: postgresql
    presence: required
    tier: 2
    owner: database team
    capability: demonstration data
    breaks: orders cannot be stored
    runbook: start PostgreSQL
    justification: stores the demonstration's data
    approval: {{requester: database team, approver: security team, approved_on: {today}, review_by: {until}, ticket: DEMO-2}}
"""

_VANTAGES = """\
zones:
  - {name: local, trust: trusted, description: this machine itself}
vantages:
  - {id: local, zone: local, description: the machine that runs the demonstration}
"""

_SETTINGS = """\
entity: Demonstration
scope: demo
classification: public
operator: portproof demo
database: portproof.sqlite
authorisation: authorisation.yaml
baseline: baseline.yaml
vantages: vantages.yaml
vantage: local
targets: ["127.0.0.1", "::1"]
"""
