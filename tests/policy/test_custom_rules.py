"""What expressions may read of a port: each variable, and when it has no value."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

import factories as make
from portproof.model.baseline import Mitigation, Presence, Tier
from portproof.model.custom_rule import KNOWN, VARIABLES, Kind, Value
from portproof.model.observation import Identification, Service
from portproof.model.scan import HostOutcome
from portproof.policy.custom_rules import places, shown, told, values_at
from portproof.policy.evaluate import Criteria, scene_of

EVERY = [each.name for each in VARIABLES]
HTTPS = Service("http", "nginx/1.24", {"status": "200"}, tls=make.tls())


def values(host: HostOutcome, **changes: Any) -> dict[str, Value]:
    """Give every variable that has a value at the only open port of a host."""
    documents: dict[str, Any] = {
        "baseline": make.baseline(),
        "waivers": make.waivers(),
        "rules": make.SERVICE_RULES,
        "vantages": make.VANTAGES,
    }
    scene = scene_of(make.run(host), Criteria(**documents | changes), make.NOON)
    (sighting,) = scene.sightings
    (place,) = places(scene, sighting, sighting.open)
    return values_at(place, EVERY)


ABSENT = {each.name for each in VARIABLES if each.absent}


def test_without_documents_and_an_answer_texts_are_empty_and_measurements_have_no_value() -> None:
    found = values(make.open_host(p443=None))
    known = found.pop(KNOWN)
    assert isinstance(known, list)
    assert set(EVERY) - found.keys() - {KNOWN} == ABSENT - {"seen_at", "reason", "rtt_us"}
    assert sorted(known) == sorted(found)
    assert (found["asset"], found["tags"], found["owner"], found["entry"]) == ("", [], "", "")
    assert (found["approved"], found["required"]) == (False, False)
    assert (found["service_class"], found["inferred"]) == ("web", True)
    assert (found["port"], found["transport"], found["address"]) == (443, "tcp", "10.0.0.5")
    assert (found["zone"], found["trust"], found["vantage"]) == ("internet", "untrusted", "ext-1")
    assert (found["reason"], found["rtt_us"], found["seen_at"]) == ("syn-ack", 420, make.NOON)


def test_an_approved_service_in_tls_has_them_all() -> None:
    entry = make.entry(
        port_text="443",
        service="https",
        presence=Presence.REQUIRED,
        mitigation=Mitigation(measure="a proxy"),
    )
    asset = make.asset(
        "shop", tags=frozenset({"pci", "dmz"}), owner="web-team", tier=Tier.ONE, capability="orders"
    )
    found = values(make.open_host(p443=HTTPS), baseline=make.baseline(entry, assets=(asset,)))
    assert set(found) == set(EVERY)
    assert (found["asset"], found["tags"], found["tier"]) == ("shop", ["dmz", "pci"], 1)
    assert (found["entry"], found["expected_service"], found["ticket"]) == ("web", "https", "CHG-1")
    assert (found["approved"], found["required"], found["mitigated"]) == (True, True, True)
    assert found["review_by"] == datetime(2027, 3, 1, tzinfo=UTC)
    assert (found["service"], found["banner"]) == ("https", "nginx/1.24")
    assert (found["tls"], found["tls_version"]) == (True, "TLSv1.3")
    assert found["tls_expires"] == make.certificate().not_after
    assert found["attributes"] == {"status": "200"}


def test_a_name_that_only_the_port_number_suggests_is_no_service() -> None:
    guessed = Service("telnet", identified_by=Identification.PORT_NUMBER)
    assert "service" not in values(make.open_host(p23=guessed))


def test_the_zone_of_the_host_and_its_protection_are_known() -> None:
    found = values(make.open_host("10.66.0.7", p22=None))
    assert (found["target_zone"], found["protected"]) == ("cde", True)


TYPES: dict[Kind, type] = {
    Kind.INT: int,
    Kind.TEXT: str,
    Kind.TRUTH: bool,
    Kind.INSTANT: datetime,
    Kind.TEXTS: list,
    Kind.PAIRS: dict,
}


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda each: each.name)
def test_each_value_has_the_type_that_expressions_are_checked_with(variable: Any) -> None:
    entry = make.entry(port_text="443", service="https")
    asset = make.asset("shop", tier=Tier.ONE)
    found = values(make.open_host(p443=HTTPS), baseline=make.baseline(entry, assets=(asset,)))
    assert type(found[variable.name]) is TYPES[variable.kind]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "(not known)"),
        (True, "true"),
        (22, "22"),
        (["a", "b"], "a, b"),
        ({"a": "b"}, "a=b"),
        (make.NOON, "2026-11-21T12:00:00Z"),
        ("x" * 200, f"{'x' * 120}…"),
    ],
)
def test_a_sentence_shows_values_shortly(value: Value | None, text: str) -> None:
    assert shown(value) == text


def test_texts_are_told_in_quotes_and_in_the_order_of_their_names() -> None:
    assert told({"port": 22, "host": "a"}, {"port", "host", "tls"}) == (
        'host = "a", port = 22, tls = (not known)'
    )
