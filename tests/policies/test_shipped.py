"""The shipped data, judged: it loads, agrees with itself, and keeps to the wording law."""

from __future__ import annotations

import re
from ipaddress import ip_network
from pathlib import Path

import pytest

from portproof import documents
from portproof.assets import policies_dir
from portproof.model.baseline import Baseline, Presence
from portproof.model.endpoint import Network, Transport
from portproof.model.rule import Framework, Polarity, ServiceRules, Strength
from portproof.model.vantage import Vantages
from portproof.policy.checks import RULES as RULE_IDS

POLICIES = policies_dir()
EXAMPLES = POLICIES / "examples"
FACTS = documents.load_facts(POLICIES / "facts.yaml")
RULES: ServiceRules = documents.load_service_rules(POLICIES / "service-rules.yaml")
FRAMEWORKS: dict[str, Framework] = {
    framework.id: framework
    for framework in (
        documents.load_framework(path, FACTS)
        for path in sorted((POLICIES / "frameworks").iterdir())
    )
}
FRAMEWORK_OF_PREFIX = {"pci": "pci-dss", "soc2": "soc2-tsc"}
DOCUMENTATION = [
    ip_network(text) for text in ("192.0.2.0/24", "2001:db8::/32", "127.0.0.0/8", "::1")
]


@pytest.fixture(scope="module")
def vantages() -> Vantages:
    return documents.load_vantages(EXAMPLES / "vantages.yaml")


@pytest.fixture(scope="module")
def baseline(vantages: Vantages) -> Baseline:
    return documents.load_baseline(EXAMPLES / "baseline.yaml", vantages=vantages)


def test_there_are_41_facts_99_rules_and_the_two_frameworks() -> None:
    assert (len(FACTS.facts), len(RULES.rules)) == (41, 99)
    assert {key: len(each.controls) for key, each in FRAMEWORKS.items()} == {
        "pci-dss": 51,
        "soc2-tsc": 22,
    }


def test_every_control_of_a_service_rule_exists_in_its_framework_file() -> None:
    named = {control.partition(":")[::2] for rule in RULES.rules for control in rule.controls}
    assert {prefix for prefix, _ in named} == {"pci", "soc2", "nist"}
    for prefix, framework in FRAMEWORK_OF_PREFIX.items():
        known = {control.id for control in FRAMEWORKS[framework].controls}
        assert {control for key, control in named if key == prefix} <= known


def test_only_controls_of_context_have_no_fact_on_them() -> None:
    for framework in FRAMEWORKS.values():
        for control in framework.controls:
            assert control.facts or control.strength is Strength.CONTEXT, control.id


def test_every_fact_but_an_announcement_touches_a_control() -> None:
    used = {
        fact
        for framework in FRAMEWORKS.values()
        for control in framework.controls
        for fact in control.facts
    }
    unused = {fact.id: fact.polarity for fact in FACTS.facts if fact.id not in used}
    assert unused == {"exception_expiring": Polarity.CONTEXT}


def test_the_external_severity_is_never_below_the_internal_one() -> None:
    assert [each.id for each in RULES.rules if each.external.rank < each.internal.rank] == []


def test_a_port_number_alone_leads_to_one_rule_at_most() -> None:
    for transport in Transport:
        ports = [port for each in RULES.rules if each.transport is transport for port in each.ports]
        assert len(ports) == len(set(ports))


@pytest.mark.parametrize(
    "path", sorted(POLICIES.rglob("*.*")), ids=lambda path: str(path.relative_to(POLICIES))
)
def test_the_words_that_claim_too_much_stand_nowhere(path: Path) -> None:
    claims = re.compile(r"\b(pass(es|ed)?|compliant|certif(ied|y)|secure)\b", re.IGNORECASE)
    if path.is_file() and path.suffix != ".md":
        assert claims.findall(path.read_text(encoding="utf-8")) == []


def test_the_examples_belong_together(vantages: Vantages, baseline: Baseline) -> None:
    settings = documents.load_settings(EXAMPLES / "portproof.yaml")
    for path in (settings.baseline, settings.authorisation, settings.waivers, settings.vantages):
        assert path is not None
        assert path.parent == EXAMPLES
        assert path.is_file()
    documents.load_waivers(
        EXAMPLES / "waivers.yaml", baseline=baseline, vantages=vantages, rules=RULE_IDS
    )
    assert settings.vantage is not None
    assert vantages.vantage(settings.vantage) is not None
    shipped = {path.stem for path in (POLICIES / "frameworks").iterdir()}
    assert set(settings.frameworks or ()) == shipped


def test_the_example_targets_are_authorised() -> None:
    settings = documents.load_settings(EXAMPLES / "portproof.yaml")
    authorisation = documents.load_authorisation(EXAMPLES / "authorisation.yaml")
    assert {str(target) for target in settings.targets or ()} == {"127.0.0.1", "::1"}
    for network in (ip_network("127.0.0.1"), ip_network("::1")):
        assert authorisation.permits(network[0])


def test_the_example_requires_a_database_and_approves_a_web_server_here(baseline: Baseline) -> None:
    required = [each for each in baseline.entries if each.presence is Presence.REQUIRED]
    assert [(each.service, list(each.ports)) for each in required] == [("postgresql", [5432])]
    assert [list(each.ports) for each in baseline.entries if each.service == "http"] == [[18080]]


def test_every_example_entry_is_wholly_approved(baseline: Baseline) -> None:
    for entry in baseline.entries:
        assert entry.owner
        assert entry.justification
        assert entry.approval.requester != entry.approval.approver
        assert None not in {entry.approval.approved_on, entry.approval.review_by}
        assert entry.approval.ticket


def test_examples_use_addresses_of_documentation_and_of_this_machine_only(
    baseline: Baseline,
) -> None:
    authorisation = documents.load_authorisation(EXAMPLES / "authorisation.yaml")
    networks: list[Network] = [
        *authorisation.networks,
        *(network for each in authorisation.names for network in each.networks),
        *(network for each in authorisation.controls for network in each.networks),
        *(network for each in baseline.entries for network in each.networks),
        *(network for each in baseline.assets for network in each.networks),
    ]
    for network in networks:
        assert any(
            network.version == allowed.version
            and allowed.network_address <= network.network_address
            and network.broadcast_address <= allowed.broadcast_address
            for allowed in DOCUMENTATION
        ), network
