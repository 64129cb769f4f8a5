"""`tickets.yaml`: one ticket system, its secret elsewhere, and every fault at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from documents.writing import faults_in, written
from portproof.documents import load_settings
from portproof.documents.tickets import load_tickets
from portproof.model.finding import Severity
from portproof.model.source import EnvironmentSecret, FileSecret
from portproof.model.ticket import (
    JiraKind,
    JiraOptions,
    ServiceNowOptions,
    TicketAccess,
    TicketRules,
)

JIRA = "url: https://x.example, user: a, secret: {env: T}, kind: cloud, project: OPS"
SNOW = "url: https://x.example, secret: {env: T}"


def test_a_project_in_jira_with_everything_that_can_be_said_of_it(tmp_path: Path) -> None:
    text = """\
    schema: portproof.tickets/1
    from_severity: high
    most_new: 20
    jira:
      url: https://jira.example.com:8443/jira/
      secret: {file: token}
      ca: ca.pem
      kind: data-center
      project: OPS
      issue_type: Bug
      labels: [audit]
      priorities: {critical: Blocker}
      due_date: true
      on_resolved: Done
      on_reopened: Reopen
    """
    read = load_tickets(written(tmp_path, text))
    assert read.rules == TicketRules(from_severity=Severity.HIGH, most_new=20)
    assert read.options == JiraOptions(
        access=TicketAccess(
            url="https://jira.example.com:8443/jira",
            user="",
            secret=FileSecret(tmp_path / "token"),
            ca=tmp_path / "ca.pem",
        ),
        kind=JiraKind.DATA_CENTER,
        project="OPS",
        issue_type="Bug",
        labels=("audit",),
        priorities={Severity.CRITICAL: "Blocker"},
        due_date=True,
        on_resolved="Done",
        on_reopened="Reopen",
    )


def test_a_table_in_servicenow_with_everything_that_can_be_said_of_it(tmp_path: Path) -> None:
    text = """\
    servicenow:
      url: https://x.service-now.com
      user: audit
      secret: {env: TOKEN}
      table: u_security_task
      fields: {assignment_group: 0123456789abcdef0123456789abcdef}
      by_severity: {critical: {urgency: "1", impact: "1"}}
      closed_states: ["3"]
      on_resolved: {state: "3"}
      on_reopened: {state: "1"}
    """
    read = load_tickets(written(tmp_path, text))
    assert read.rules == TicketRules()
    assert read.options == ServiceNowOptions(
        access=TicketAccess(
            url="https://x.service-now.com", user="audit", secret=EnvironmentSecret("TOKEN")
        ),
        table="u_security_task",
        fields={"assignment_group": "0123456789abcdef0123456789abcdef"},
        by_severity={Severity.CRITICAL: {"urgency": "1", "impact": "1"}},
        closed_states=frozenset({"3"}),
        on_resolved={"state": "3"},
        on_reopened={"state": "1"},
    )


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1", "[::1]:8080"])
def test_http_is_for_this_machine_alone(tmp_path: Path, host: str) -> None:
    text = f"servicenow: {{url: 'http://{host}', secret: {{env: T}}}}\n"
    assert load_tickets(written(tmp_path, text)).options.access.url == f"http://{host}"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{}", "expected 'jira' or 'servicenow'"),
        (f"jira: {{{JIRA}}}\nservicenow: {{{SNOW}}}", "tickets are kept in one system"),
        (f"jira: {{{JIRA}, colour: red}}", "colour"),
        (f"jira: {{{JIRA.replace('OPS', 'ops-1')}}}", "ops-1"),
        (f"jira: {{{JIRA.replace('cloud', 'server')}}}", "server"),
        (f"jira: {{{JIRA}, labels: [two words]}}", "two words"),
        (
            f"jira: {{{JIRA.replace('{env: T}', 'hunter2')}}}",
            "a secret never stands in the document",
        ),
        (f"jira: {{{JIRA.replace('{env: T}', '{}')}}}", "expected {env: NAME} or {file: PATH}"),
        (f"jira: {{{JIRA.replace('https', 'http')}}}", "the secret would be sent unencrypted"),
        (f"jira: {{{JIRA.replace('//x', '//u:hunter2@x')}}}", "without user, password"),
        (f"jira: {{{JIRA.replace('.example', '.example/?a=hunter2')}}}", "query or fragment"),
        (f"servicenow: {{{SNOW}, table: 'x/../y'}}", "x/../y"),
        (
            f"servicenow: {{{SNOW}, fields: {{correlation_id: x}}}}",
            "writes 'correlation_id' itself",
        ),
        (f"servicenow: {{{SNOW}, closed_states: []}}", "at least one value"),
        (f"servicenow: {{{SNOW}}}\nmost_new: 0", "0"),
        (f"servicenow: {{{SNOW}}}\nfrom_severity: severe", "severe"),
    ],
)
def test_each_fault_is_told_once_at_its_place_and_quotes_no_secret(
    tmp_path: Path, text: str, problem: str
) -> None:
    (fault,) = faults_in(load_tickets, written(tmp_path, f"{text}\n"))
    assert fault[0] in "12"
    assert problem in fault
    assert "hunter2" not in fault


def test_the_configuration_names_it_relative_to_itself(tmp_path: Path) -> None:
    path = written(tmp_path, "tickets: desk/tickets.yaml\n")
    assert load_settings(path).tickets == tmp_path / "desk" / "tickets.yaml"
