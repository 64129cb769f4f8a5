"""The shipped ranking of ports: it loads, and holds what its head says it was drawn from."""

from __future__ import annotations

import pytest

from portproof import documents
from portproof.assets import policies_dir
from portproof.bootstrap import top_ports
from portproof.errors import SpecificationError
from portproof.model.endpoint import Transport
from portproof.model.iana import REGISTRY

BOTH = tuple(Transport)
TOP = top_ports()
RULES = documents.load_service_rules(policies_dir() / "service-rules.yaml").rules


def test_the_head_names_the_source_the_licence_and_how_the_ranking_was_made() -> None:
    text = (policies_dir() / "top-ports.yaml").read_text()
    head = text[: text.index("schema:")]
    for word in ("MIT", "by judgement, not by measurement", "IANA", "nmap-services"):
        assert word in head
    sources = {line.split(": ")[1] for line in text.splitlines() if line.startswith("- source")}
    assert all(f"#   {each} " in head for each in sources)


@pytest.mark.parametrize("transport", BOTH)
def test_a_port_has_one_rank_and_a_thousand_can_be_asked_for(transport: Transport) -> None:
    ranked = TOP.ranked(transport)
    assert len(ranked) == len(set(ranked)) >= 1_000


@pytest.mark.parametrize("transport", BOTH)
def test_what_the_service_rules_judge_is_ranked_above_what_is_merely_registered(
    transport: Transport,
) -> None:
    judged = {
        port for rule in RULES if rule.transport is transport and rule.ports for port in rule.ports
    }
    ranked = TOP.ranked(transport)
    assert judged <= set(ranked[:200])


@pytest.mark.parametrize("transport", BOTH)
def test_every_registered_port_of_the_port_grammar_is_ranked(transport: Transport) -> None:
    registered = {port for each in REGISTRY.values() for port in each.on(transport)}
    assert registered <= set(TOP.ranked(transport))


def test_a_number_chooses_the_first_of_the_transports_asked_for() -> None:
    assert str(TOP.chosen("3", (Transport.TCP,))) == "22,80,443"
    assert str(TOP.chosen("2", BOTH)) == "T:80,443,U:53,123"
    assert str(TOP.chosen("T:2, u:1", (Transport.TCP,))) == "T:80,443,U:53"


@pytest.mark.parametrize("text", ["0", "-1", "ten", "", "T:", "X:5", "99999", "100,", "1e2"])
def test_what_is_no_number_of_ports_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(SpecificationError):
        TOP.chosen(text, BOTH)
