from __future__ import annotations

from pathlib import Path

from documents.writing import written
from portproof.documents import load_service_rules
from portproof.model.endpoint import Transport
from portproof.model.finding import Severity
from portproof.model.ports import PortSet
from portproof.model.rule import ServiceRule

ROW = """\
schema: portproof.service-rules/1
version: "1"
rows:
  - id: SVC-001
    {port}
    proto: udp
    service: snmp
    class: cleartext_admin
    external: high
    internal: medium
    rationale: Clear text.
    remediation: Use version 3.
    controls: {{pci: [1.2.5], soc2: [CC6.6]}}
"""


def test_a_row_is_read_with_the_ports_of_its_transport(tmp_path: Path) -> None:
    rules = load_service_rules(written(tmp_path, ROW.format(port="port: 161-162")))
    assert rules.version == "1"
    assert rules.rules == (
        ServiceRule(
            id="SVC-001",
            service="snmp",
            ports=PortSet.of(161, 162),
            transport=Transport.UDP,
            service_class="cleartext_admin",
            external=Severity.HIGH,
            internal=Severity.MEDIUM,
            rationale="Clear text.",
            remediation="Use version 3.",
            controls=("pci:1.2.5", "soc2:CC6.6"),
        ),
    )


def test_a_row_without_a_port_is_for_identified_services_only(tmp_path: Path) -> None:
    rules = load_service_rules(written(tmp_path, ROW.format(port="")))
    assert rules.rules[0].ports == PortSet.empty()
