"""The rules of docs/custom-rules.md and of the example do what their text says."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

import factories as make
from own_rules import language
from policy.judging import judge
from portproof.assets import policies_dir
from portproof.documents.custom_rules import load_custom_rules
from portproof.model.custom_rule import VARIABLES, CustomJudging, CustomRules
from portproof.model.finding import Verdict
from portproof.model.observation import Service, TlsFacts
from portproof.model.scan import HostOutcome

PAGE = (policies_dir().parent / "docs" / "custom-rules.md").read_text(encoding="utf-8")
YAML = re.compile(r"```yaml\nrules:\n(.*?)```", re.DOTALL)
ASSETS = (make.asset("shop", tags=frozenset({"payment"})),)


@pytest.fixture(scope="module", params=["page", "example"])
def rules(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> CustomRules:
    file: Path = policies_dir() / "examples" / "rules.yaml"
    if request.param == "page":
        file = tmp_path_factory.mktemp("page") / "rules.yaml"
        file.write_text("rules:\n" + "".join(YAML.findall(PAGE)), encoding="utf-8")
    return load_custom_rules(
        file, language=language(), baseline=make.baseline(assets=ASSETS), vantages=make.VANTAGES
    )


def https(version: str = "TLSv1.3", days: int = 185) -> Service:
    leaf = make.certificate(not_after=make.NOON + timedelta(days=days))
    return Service("http", tls=TlsFacts(version=version, cipher="AES", certificate=leaf))


def found(rules: CustomRules, host: HostOutcome, ticket: str = "CHG-1") -> list[tuple[str, int]]:
    """Give what deviates by each rule, where port 22 is approved with that ticket."""
    entry = make.entry(port_text="22", approval=make.approval(ticket=ticket))
    evaluation = judge(
        make.run(host),
        baseline=make.baseline(entry, assets=ASSETS),
        custom=CustomJudging(document=rules, elapsed_s=lambda: 0.0),
    )
    held = [each for each in evaluation.judgements if each.rule.startswith("custom/")]
    assert [each.because for each in held if each.required] == []
    deviating = [each for each in held if each.verdict is Verdict.DEVIATES]
    return sorted((each.rule.removeprefix("custom/"), each.subject.port or 0) for each in deviating)


def test_there_are_three(rules: CustomRules) -> None:
    assert [each.id.removeprefix("custom/") for each in rules.rules] == [
        "tls-before-1.2",
        "certificate-of-payment-hosts",
        "administration-from-outside",
    ]


def test_an_old_protocol_deviates_on_whatever_port_it_is_spoken(rules: CustomRules) -> None:
    host = make.open_host(p443=https("TLSv1.2"), p9443=https("TLSv1.1"), p80=Service("http"))
    assert found(rules, host) == [("tls-before-1.2", 9443)]


def test_a_certificate_that_ends_within_45_days_deviates(rules: CustomRules) -> None:
    host = make.open_host(p443=https(days=46), p8443=https(days=44), p9443=https(days=1))
    assert found(rules, host) == [("certificate-of-payment-hosts", 8443)]


@pytest.mark.parametrize(
    ("ticket", "deviating"), [("NET-12", []), ("CHG-1", [22]), ("NET-", [22]), ("", [22])]
)
def test_administration_needs_a_ticket_of_that_form(
    rules: CustomRules, ticket: str, deviating: list[int]
) -> None:
    listed = found(rules, make.open_host(p22=Service("ssh")), ticket)
    assert listed == [("administration-from-outside", port) for port in deviating]


def test_administration_that_nobody_approved_deviates_too(rules: CustomRules) -> None:
    assert found(rules, make.open_host(p23=Service("telnet"))) == [
        ("administration-from-outside", 23)
    ]


def test_the_page_lists_every_variable_as_it_is() -> None:
    for each in VARIABLES:
        row = f"| `{each.name}` | {each.kind} | {each.meaning} | {each.absent or 'always there'} |"
        assert row in PAGE.splitlines()
