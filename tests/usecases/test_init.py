"""The first documents: they load without faults, and approve and authorise nothing by accident."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import VANTAGE, endpoint, network
from portproof.documents import (
    load_authorisation,
    load_baseline,
    load_settings,
    load_vantages,
    load_waivers,
)
from portproof.model.ports import PortSet
from portproof.model.portspec import parse_ports
from portproof.model.targetspec import parse_target
from portproof.plan.build import PlanRequest, admit
from portproof.usecases.init import (
    ControlProposal,
    FirstDocuments,
    first_documents,
    networks_of,
    propose_controls,
)

TODAY = date(2026, 11, 21)


def written(
    folder: Path,
    *targets: str,
    owner: str = "network team",
    proposals: tuple[ControlProposal, ...] = (),
) -> Path:
    said = FirstDocuments(
        targets=tuple(map(parse_target, targets)), owner=owner, contact="security team", days=90
    )
    texts = first_documents(said, today=TODAY, proposals=proposals, udp_ports=PortSet.of(53, 123))
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "targets",
    [
        ("127.0.0.1", "::1"),
        ("10.20.0.0/24", "db.example.com:5432"),
        ("10.0.0-3.1-254",),
        ("www.example.com",),
        ("[2001:db8::1]:443",),
    ],
)
def test_every_document_loads_without_a_fault(tmp_path: Path, targets: tuple[str, ...]) -> None:
    folder = written(tmp_path, *targets)
    vantages = load_vantages(folder / "vantages.yaml")
    assert load_baseline(folder / "baseline.yaml", vantages=vantages).entries == ()
    assert load_waivers(folder / "waivers.yaml").waivers == ()
    assert load_authorisation(folder / "authorisation.yaml").controls == ()
    settings = load_settings(folder / "portproof.yaml")
    assert settings.targets == tuple(map(parse_target, targets))


def test_the_authorisation_names_what_was_listed_and_ends(tmp_path: Path) -> None:
    held = load_authorisation(written(tmp_path, "10.20.0.0/24") / "authorisation.yaml")
    assert held.networks == (network("10.20.0.0/24"),)
    assert held.valid_until.date() == date(2027, 2, 20)


def test_proposed_controls_are_comments_until_somebody_has_seen_them_answer(tmp_path: Path) -> None:
    gateway = ControlProposal(
        id="gateway-1",
        endpoint=endpoint("10.20.0.1:443/tcp"),
        networks=(network("10.20.0.0/24"),),
        because="default route",
    )
    path = written(tmp_path, "10.20.0.0/24", proposals=(gateway,)) / "authorisation.yaml"
    assert load_authorisation(path).controls == ()
    agreed = (
        path.read_text()
        .replace("# controls:", "controls:")
        .replace("#   - {id: gateway", "  - {id: gateway")
    )
    path.write_text(agreed)
    (control,) = load_authorisation(path).controls
    assert control.endpoint == gateway.endpoint


@given(
    owner=st.text(
        st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_categories=["Cc"]),
        min_size=1,
        max_size=40,
    ).filter(str.strip)
)
def test_whatever_an_owner_is_called_the_document_stays_one(
    tmp_path_factory: pytest.TempPathFactory, owner: str
) -> None:
    folder = written(tmp_path_factory.mktemp("first"), "10.20.0.0/24", owner=owner)
    assert load_authorisation(folder / "authorisation.yaml").owner.strip() == owner.strip()


def test_what_lies_inside_the_network_is_proposed_and_nobody_as_negative_control() -> None:
    networks = networks_of([parse_target("10.20.0.0/24")])
    proposed = propose_controls(dict.fromkeys(networks), [endpoint("10.20.0.53:53/tcp").address])
    told = {each.id: (str(each.endpoint), each.kind) for each in proposed}
    assert told == {
        "resolver-10.20.0.0": ("10.20.0.53:53/tcp", "positive"),
        "router-10.20.0.0": ("10.20.0.1:443/tcp", "positive"),
        "nobody-v4": ("192.0.2.9:9/tcp", "negative"),
    }


def test_a_resolver_elsewhere_witnesses_nothing_here() -> None:
    networks = networks_of([parse_target("10.20.0.0/24")])
    proposed = propose_controls(dict.fromkeys(networks), [endpoint("192.168.1.1:53/tcp").address])
    assert not [each for each in proposed if each.id.startswith("resolver")]


def test_a_single_address_gets_the_way_to_it_and_the_comment_says_how_far_that_goes() -> None:
    (network,) = networks_of([parse_target("10.20.0.5")])
    (hop, _) = propose_controls({network: endpoint("10.1.0.1:1/tcp").address}, [])
    assert hop.because.endswith("no further")


@pytest.mark.parametrize(
    ("target", "around"),
    [
        ("10.0.0.1-9", "10.0.0.0/28"),
        ("10.0.0-3.7", "10.0.0.0/22"),
        ("2001:db8::/64", "2001:db8::/64"),
    ],
)
def test_controls_are_proposed_for_the_smallest_network_around_a_target(
    target: str, around: str
) -> None:
    assert networks_of([parse_target(target)]) == (network(around),)


@pytest.mark.parametrize("target", ["127.0.0.1", "::1", "db.example.com"])
def test_loopback_needs_no_control_and_a_name_has_no_network_yet(target: str) -> None:
    assert networks_of([parse_target(target)]) == ()


@pytest.mark.parametrize("target", ["127.0.0.1-9", "10.20.0.0/30", "10.20.0.5", "10.0-1.0.1-3"])
def test_what_init_writes_its_own_plan_admits(tmp_path: Path, target: str) -> None:
    folder = written(tmp_path, target)
    held = load_authorisation(folder / "authorisation.yaml")
    now = datetime(2026, 11, 22, tzinfo=UTC)
    asked = PlanRequest(
        scope="first", targets=(parse_target(target),), ports=parse_ports("22"), vantage=VANTAGE
    )
    assert admit(asked, held, now) is held
