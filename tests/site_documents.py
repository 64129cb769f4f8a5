"""Documents of a small site, written as a user writes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

APPROVAL = (
    "{requester: web team, approver: security team, approved_on: 2026-01-01, "
    "review_by: 2099-12-31, ticket: CHG-1}"
)


@dataclass
class Site:
    """A folder with the five documents; change a field, then `write` again."""

    folder: Path
    networks: list[str]
    targets: list[str]
    ports: str
    entries: list[str] = field(default_factory=list)
    waivers: list[str] = field(default_factory=list)
    controls: list[str] = field(default_factory=list)
    rates: str = "{global_pps: 20000, per_host_pps: 20000}"
    fail_on: str = "low"

    def write(self) -> Path:
        """Write every document; gives the folder."""
        self._put(
            "authorisation.yaml",
            f"""\
id: test-authorisation
owner: network team
contact: security team
networks: {_listed(self.networks)}
valid_from: 2020-01-01
valid_until: 2099-12-31
rates: {self.rates}
controls:{_block(self.controls)}
""",
        )
        self._put("baseline.yaml", f"scope: test-site\nentries:{_block(self.entries)}\n")
        self._put("waivers.yaml", f"waivers:{_block(self.waivers)}\n")
        self._put(
            "vantages.yaml",
            """\
zones:
  - {name: internet, trust: untrusted}
vantages:
  - {id: outside, zone: internet, description: a test}
""",
        )
        self._put(
            "portproof.yaml",
            f"""\
entity: Test Site
scope: test-site
operator: the test
database: portproof.sqlite
authorisation: authorisation.yaml
baseline: baseline.yaml
waivers: waivers.yaml
vantages: vantages.yaml
vantage: outside
targets: {_listed(self.targets)}
ports: "{self.ports}"
fail_on: {self.fail_on}
""",
        )
        return self.folder

    def _put(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")


def entry(
    entry_id: str,
    host: str,
    port: int,
    service: str,
    *,
    presence: str = "allowed",
    approval: str = APPROVAL,
) -> str:
    """Give one baseline entry with every field an assessor asks for."""
    return (
        f'{{id: {entry_id}, hosts: ["{host}"], ports: "{port}", zones: [internet], service: {service}, '
        f"presence: {presence}, tier: 2, owner: web team, capability: shop, breaks: orders, runbook: restart, "
        f"justification: needed by the shop, mitigation: {{measure: behind a proxy, checked_by: audit}}, approval: {approval}}}"
    )


def _listed(texts: list[str]) -> str:
    return "[" + ", ".join(f'"{text}"' for text in texts) + "]"


def _block(rows: list[str]) -> str:
    return "".join(f"\n  - {row}" for row in rows) if rows else " []"
