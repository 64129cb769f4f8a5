"""Proposed entries as text: a new baseline, and lines added to one that people wrote."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import factories as make
from portproof.documents.baseline import load_baseline
from portproof.documents.baseline_draft import baseline_text, require_sound
from portproof.documents.baseline_draft_edit import with_proposals
from portproof.documents.baseline_format import format_baseline
from portproof.errors import ApprovalError, DocumentError, SettingsError
from portproof.model.baseline import Baseline, Presence, Status, Tier
from portproof.model.endpoint import Endpoint, Transport
from portproof.model.observation import PortState, Service
from portproof.model.ports import PortSet
from portproof.model.scan import HostOutcome
from portproof.policy.proposals import Belongs, Ground, Proposal, propose
from portproof.policy.seen_open import seen_in_run
from portproof.usecases.draft_baseline import Draft, Terms

HOSTILE = 'team "a": [x] # \\ \u202e\x1b[2J\nentries: []'
TERMS = Terms(requester="net-team", review_by=date(2027, 5, 21))


def proposal(name: str = "https-web", **changes: object) -> Proposal:
    held: dict[str, object] = {
        "id": name,
        "hosts": ("10.0.0.5-7", "web-1.example.com"),
        "seen_on": 4,
        "transport": Transport.TCP,
        "ports": make.ports("443,8443"),
        "zone": "internet",
        "service": "https",
        "how": ("protocol answer",),
        "belongs": Belongs(owner="Shop team", tier=Tier.ONE, known_by="asset shop"),
        "towards": "cde",
    }
    return Proposal(**(held | changes))  # type: ignore[arg-type]


UNKNOWN = proposal(
    "udp-53-10.0.0.9",
    hosts=("10.0.0.9",),
    transport=Transport.UDP,
    ports=make.ports("53"),
    service="",
    suggested="domain",
    belongs=Belongs(),
)


def draft(*proposals: Proposal) -> Draft:
    return Draft(
        proposals=proposals, source="run 1 of \x1bshop", scope="shop", open_ports=3, notes=()
    )


def read(folder: Path, text: str, name: str = "baseline.yaml") -> Baseline:
    path = folder / name
    path.write_bytes(text.encode())
    return load_baseline(path, vantages=make.VANTAGES)


def test_a_draft_reads_back_as_what_was_proposed_and_approves_nothing(tmp_path: Path) -> None:
    text = baseline_text(draft(proposal(), UNKNOWN), TERMS, scope="shop", at=make.NOON)
    baseline = read(tmp_path, text)
    assert baseline.approved == ()
    web, dns = baseline.entries
    assert (web.hosts_text, str(web.ports), web.service) == (
        ("10.0.0.5-7", "web-1.example.com"),
        "443,8443",
        "https",
    )
    assert (web.status, web.presence) == (Status.PROPOSED, Presence.ALLOWED)
    assert (web.owner, web.tier, web.justification) == ("Shop team", Tier.ONE, "")
    assert (web.approval.requester, web.approval.approver) == ("net-team", "")
    assert web.approval.review_by == date(2027, 5, 21)
    assert (dns.transport, dns.service) == (Transport.UDP, "")
    assert "its number alone suggests domain, which is a guess" in " ".join(text.split())


def test_a_draft_is_written_in_the_order_that_fmt_gives(tmp_path: Path) -> None:
    text = baseline_text(draft(proposal(), UNKNOWN), TERMS, scope="shop", at=make.NOON)
    read(tmp_path, text)
    assert format_baseline(tmp_path / "baseline.yaml") is None


def test_texts_of_strangers_stay_texts(tmp_path: Path) -> None:
    belongs = Belongs(owner=HOSTILE, capability=HOSTILE, known_by=HOSTILE)
    terms = Terms(requester=HOSTILE, review_by=date(2027, 5, 21), ticket=HOSTILE)
    text = baseline_text(draft(proposal(belongs=belongs)), terms, scope=HOSTILE, at=make.NOON)
    (entry,) = read(tmp_path, text).entries
    assert entry.owner.startswith('team "a": [x] # \\ ')
    assert all(line.isprintable() for line in text.splitlines())


def test_a_thousand_hosts_are_listed_in_lines_that_people_can_read(tmp_path: Path) -> None:
    hosts = tuple(f"10.{each // 256}.{each % 256}.1" for each in range(1_000))
    text = baseline_text(draft(proposal(hosts=hosts)), TERMS, scope="shop", at=make.NOON)
    assert max(map(len, text.splitlines())) <= 100
    assert read(tmp_path, text).entries[0].hosts_text == hosts


def test_a_draft_without_proposals_is_a_baseline_without_entries(tmp_path: Path) -> None:
    assert read(tmp_path, baseline_text(draft(), TERMS, scope="x", at=make.NOON)).entries == ()


def test_a_draft_that_would_not_lint_clean_is_refused_by_the_name_of_its_file() -> None:
    text = baseline_text(draft(proposal(zone="nowhere")), TERMS, scope="x", at=make.NOON)
    with pytest.raises(DocumentError, match=r"^out\.yaml:\d+:\d+: unknown zone 'nowhere'"):
        require_sound(text, called=Path("out.yaml"), vantages=make.VANTAGES)


# ---------------------------------------------------------------- added to what is there

OLD = "{id: ssh, to: 10.0.0.1, ports: 22, from: office}"
FILES = {
    "a block": f"scope: shop\nentries:\n  # the first\n  - {OLD}   # kept\n",
    "no indent": f"scope: shop\nentries:\n- {OLD}\n\n# the end\nzones: [{{name: office}}]\n",
    "a tail": f"entries:\n  - {OLD}\n    # deeper: of the entry\n  # of the list\n\n# of the file\n",
    "no line end": f"scope: shop\nentries:\n  - {OLD}",
    "another system": f"scope: shop\r\nentries:\r\n  - {OLD}\r\n# end\r\n",
    "empty": "scope: shop\nentries: []  # none yet\n# - id: example\n",
    "empty, last": "scope: shop\nentries: []",
    "empty, apart": "entries:\n  []\nscope: shop\n",
    "a scalar": "entries:\n  - id: ssh\n    to: 10.0.0.1\n    ports: 22\n    from: office\n"
    "    justification: |\n      why\n      # no comment\n\n",
}


def adding(baseline: Baseline, *proposals: Proposal, into: str | None = None) -> str:
    load: Callable[[Path], Baseline] = partial(load_baseline, vantages=make.VANTAGES)
    return with_proposals(baseline, Path(into or baseline.file), proposals, TERMS, load)


@pytest.mark.parametrize("before", FILES.values(), ids=FILES)
def test_entries_are_added_and_every_other_byte_stays(tmp_path: Path, before: str) -> None:
    baseline = read(tmp_path, before)
    text = adding(baseline, proposal(), UNKNOWN)
    after = read(tmp_path, text)
    assert [each.id for each in after.entries][-2:] == ["https-web", "udp-53-10.0.0.9"]
    assert [each.id for each in after.entries[:-2]] == [each.id for each in baseline.entries]
    kept = [line for line in before.splitlines() if "[]" not in line and line.strip()]
    assert [line for line in text.splitlines() if line in kept] == kept
    assert text.count("\r\n") in (0, text.count("\n"))


def test_an_included_file_is_added_to_where_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "teams").mkdir()
    part = tmp_path / "teams" / "shop.yaml"
    part.write_text(f"entries:\n  - {OLD}\n", encoding="utf-8")
    baseline = read(tmp_path, "scope: shop\ninclude: teams/shop.yaml\n")
    text = adding(baseline, proposal(), into=str(part))
    assert text.startswith(f"entries:\n  - {OLD}\n\n  # Seen open")
    first = adding(baseline, proposal())
    assert first.startswith("scope: shop\ninclude: teams/shop.yaml\n\nentries:\n")
    with pytest.raises(SettingsError, match="no file of the baseline"):
        adding(baseline, proposal(), into=str(tmp_path / "other.yaml"))


def test_a_list_in_brackets_is_left_to_its_author(tmp_path: Path) -> None:
    baseline = read(tmp_path, f"entries: [{OLD}]\n")
    with pytest.raises(ApprovalError, match=r"baseline\.yaml:1:10: the entries are written so"):
        adding(baseline, proposal())


def test_an_id_that_the_naming_pattern_refuses_is_told_with_the_pattern(tmp_path: Path) -> None:
    baseline = read(tmp_path, 'naming: {pattern: "[a-z]+"}\nentries: []\n')
    with pytest.raises(ApprovalError, match="does not match the naming pattern"):
        adding(baseline, proposal())


# ---------------------------------------------------------------- from what was seen to a register

SERVICES = st.sampled_from((None, Service("ssh"), Service("redis"), Service("http")))
SEEN = st.dictionaries(
    st.tuples(st.integers(1, 12), st.sampled_from(("10.0.0", "10.66.0"))),
    st.tuples(
        st.sampled_from((None, "www.example.com", "web-1.example.com", "web-2.example.com")),
        st.dictionaries(st.integers(20, 26), SERVICES, max_size=4),
    ),
    max_size=8,
)


def host(
    number: tuple[int, str], shown: tuple[str | None, dict[int, Service | None]]
) -> HostOutcome:
    last, network = number
    name, services = shown
    return make.host_outcome(
        make.planned_host(f"{network}.{last}", name=name, tcp="1-100"),
        states={PortState.OPEN: ",".join(map(str, services))} if services else {},
        services={port: each for port, each in services.items() if each},
    )


@settings(max_examples=40, deadline=None)
@given(SEEN)
def test_once_all_is_approved_each_open_port_has_one_entry_and_nothing_is_new(
    tmp_path_factory: pytest.TempPathFactory,
    shown: dict[tuple[int, str], tuple[str | None, dict[int, Service | None]]],
) -> None:
    run = make.run(*(host(number, each) for number, each in shown.items()))
    nothing = make.baseline()
    ground = Ground(baseline=nothing, vantages=make.VANTAGES, zone="internet")
    found = propose(seen_in_run(run, nothing, make.TODAY).seen, ground)
    text = baseline_text(draft(*found), TERMS, scope="shop", at=make.NOON)
    # Approved, two entries that grant the same would be a fault of the document.
    approved = read(tmp_path_factory.mktemp("x"), text.replace("status: proposed", ""))
    for outcome in run.hosts:
        names, address = outcome.host.names, outcome.host.address
        for port in outcome.states.get(PortState.OPEN, PortSet.empty()):
            place = Endpoint(address, Transport.TCP, port)
            assert len(approved.matching(place, zone="internet", names=names)) == 1
    again = Ground(baseline=approved, vantages=make.VANTAGES, zone="internet")
    assert propose(seen_in_run(run, approved, make.TODAY).seen, again) == ()
