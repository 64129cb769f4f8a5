"""`rules.yaml`: every fault with its place, those inside of expressions too."""

from __future__ import annotations

from pathlib import Path

import pytest

import factories as make
from own_rules import language
from portproof.assets import policies_dir
from portproof.documents.custom_rules import BUDGET_S, lint_custom_rules, load_custom_rules
from portproof.errors import DocumentError
from portproof.model.baseline import Baseline
from portproof.model.custom_rule import CustomRules
from portproof.model.endpoint import Transport
from portproof.model.finding import Severity
from portproof.policy.checks import RULES

TAGGED = make.baseline(assets=(make.asset("shop", tags=frozenset({"pci"})),))


def load(folder: Path, text: str, *, baseline: Baseline | None = TAGGED) -> CustomRules:
    file = folder / "rules.yaml"
    file.write_text(text, encoding="utf-8")
    return load_custom_rules(
        file, language=language(), vantages=make.VANTAGES, baseline=baseline, taken=RULES
    )


def faults(folder: Path, text: str) -> list[str]:
    with pytest.raises(DocumentError) as refused:
        load(folder, text)
    return [f"{each.line}:{each.column}: {each.problem}" for each in refused.value.faults]


def one(keys: str) -> str:
    """Write one rule; the keys stand in lines 5 and following, from column 5 on."""
    lines = "".join(f"    {line}\n" for line in keys.splitlines())
    return f"rules:\n  - id: odd\n    title: Odd port\n    severity: low\n{lines}"


def test_a_rule_with_every_key_is_read_with_each_of_them(tmp_path: Path) -> None:
    document = load(
        tmp_path,
        one(
            "applies: {transport: tcp, ports: [22, 8000-8010], zones: [internet], tags: [pci]}\n"
            "when: port > 1000\nbecause: '{service} on {port}'\naction: Close it.\n"
            "controls: {pci: ['1.2.5'], soc2: ['CC6.6']}\nowner: net-team"
        ),
    )
    (rule,) = document.rules
    assert (rule.id, rule.severity, rule.when) == ("custom/odd", Severity.LOW, "port > 1000")
    assert (str(rule.tcp), str(rule.udp)) == ("22,8000-8010", "")
    assert (list(rule.zones), list(rule.tags)) == (["internet"], ["pci"])
    assert rule.controls == ("pci:1.2.5", "soc2:CC6.6")
    assert (rule.owner, rule.action, rule.location.line) == ("net-team", "Close it.", 2)
    assert rule.deviates.reads == {"port"}
    assert document.budget_s == BUDGET_S


@pytest.mark.parametrize(
    ("applies", "tcp", "udp"),
    [
        ("{}", "-", "-"),
        ("{transport: udp}", "", "-"),
        ("{ports: [53]}", "53", ""),
        ("{ports: [53, 'U:53']}", "53", "53"),
        ("{transport: udp, ports: [53]}", "", "53"),
    ],
)
def test_ports_are_those_of_the_transport_that_is_meant(
    tmp_path: Path, applies: str, tcp: str, udp: str
) -> None:
    (rule,) = load(tmp_path, one(f"applies: {applies}\nwhen: approved")).rules
    assert (str(rule.ports(Transport.TCP)), str(rule.ports(Transport.UDP))) == (tcp, udp)


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        ("when: prot == 22", "5:11: unknown name 'prot'; did you mean 'port'?"),
        (
            "when: |\n  approved &&\n    zome == 'x'",
            "7:9: unknown name 'zome'; did you mean 'zone'?",
        ),
        ("when: >-\n  approved\n  && prot == 1", "7:10: unknown name 'prot'; did you mean 'port'?"),
        (
            'when: "host == \\"x\\" && prot == 1"',
            "5:29: unknown name 'prot'; did you mean 'port'?",
        ),
        ("when: port", "5:11: gives int, not bool: a rule is true where a port deviates"),
        ("when: approved\nbecause: '{prot}'", "6:16: unknown name 'prot'; did you mean 'port'?"),
        ("when: approved\nbecause: a } b", "6:16: a lone }; write }} for the brace"),
        (
            "when: approved\napplies: {zones: [mars]}",
            "6:23: unknown vantage zone 'mars'; known: cde, internet, local, office",
        ),
        ("when: approved\napplies: {tags: [pic]}", "6:22: unknown tag 'pic'; did you mean 'pci'?"),
        (
            "when: approved\nifs: x",
            "6:5: unknown key 'ifs'; known: action, applies, because, controls, id, owner, severity, title, when",
        ),
        ("when: true", "5:11: expected text, found the truth value true; put it in quotes"),
    ],
)
def test_a_fault_stands_at_its_place(tmp_path: Path, keys: str, fault: str) -> None:
    assert faults(tmp_path, one(keys)) == [fault]


def test_a_rule_may_not_have_the_id_of_one_of_portproofs_own(tmp_path: Path) -> None:
    text = one("when: approved").replace("id: odd", "id: tls-floor")
    assert faults(tmp_path, text) == [
        "2:9: 'tls-floor' is the id of a rule of portproof itself; choose another"
    ]


def test_two_rules_of_one_id_are_a_fault(tmp_path: Path) -> None:
    text = one("when: approved")
    second = text.removeprefix("rules:\n")
    assert faults(tmp_path, text + second) == [
        "6:9: duplicate rule id 'odd'; line 2 has it already"
    ]


def test_faults_of_several_rules_are_told_at_once(tmp_path: Path) -> None:
    text = one("when: prot == 1")
    second = one("when: zome == ''").removeprefix("rules:\n").replace("odd", "other")
    assert [each.split(":")[0] for each in faults(tmp_path, text + second)] == ["5", "9"]


def test_without_a_baseline_nobody_can_tell_which_tags_there_are(tmp_path: Path) -> None:
    text = one("when: approved\napplies: {tags: [pic]}")
    assert load(tmp_path, text, baseline=None).rules[0].tags == {"pic"}


@pytest.mark.parametrize(("seconds", "fault"), [("0", "greater than 0"), ("x", "number")])
def test_a_budget_is_a_number_of_seconds(tmp_path: Path, seconds: str, fault: str) -> None:
    (found,) = faults(tmp_path, f"budget: {{seconds: {seconds}}}\nrules: []\n")
    assert found.startswith("1:19: ")
    assert fault in found


def test_the_example_has_no_fault_and_says_so() -> None:
    looked = lint_custom_rules(
        policies_dir() / "examples" / "rules.yaml",
        language=language(),
        vantages=None,
        baseline=None,
        taken=RULES,
    )
    assert (looked.faults, looked.entries) == ((), 3)
