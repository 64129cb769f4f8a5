"""Plan, outcome and judgements as documents: a whole run, there and back."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portproof.errors import EvidenceError
from portproof.evidence.canonical import canonical, digest
from portproof.model.endpoint import Endpoint, Transport
from portproof.model.finding import Conforming, Judgement
from portproof.model.observation import (
    Certificate,
    Identification,
    LocalFault,
    PortState,
    Reason,
    Service,
    TlsFacts,
)
from portproof.model.ports import PortSet
from portproof.model.scan import (
    Control,
    ControlKind,
    HostOutcome,
    PlannedHost,
    RunRecord,
    RunStatus,
    ScanPlan,
    Witness,
)
from portproof.store.records import (
    evidence_of,
    judgement_text,
    judgements_document,
    judgements_from,
    outcome_document,
    outcome_from,
    plan_document,
    plan_from,
)
from store.examples import BEGAN, endpoint, judgement, observation, plan, record, with_banner
from store.shapes import any_of

GOLDEN = Path(__file__).parent / "golden"
ELSEWHERE = Endpoint(ip_address("10.9.9.9"), Transport.TCP, 22)

PLANS = st.builds(
    lambda of, hosts: replace(of, hosts=tuple(hosts)),
    any_of(ScanPlan),
    st.lists(any_of(PlannedHost), min_size=1, max_size=2),
)


@st.composite
def records(draw: st.DrawFn) -> RunRecord:
    of = draw(PLANS)
    drawn: RunRecord = draw(any_of(RunRecord))
    hosts = [_of_plan(draw, of, each) for each in drawn.hosts]
    return replace(drawn, plan=of, hosts=tuple(hosts))


def _of_plan(draw: st.DrawFn, of: ScanPlan, drawn: HostOutcome) -> HostOutcome:
    """Give an outcome of one of the plan's hosts, whose observations are its own and measurable."""
    host = draw(st.sampled_from(of.hosts))
    seen = tuple(
        replace(
            each,
            endpoint=Endpoint(host.address, drawn.transport, draw(st.integers(0, 65535))),
            rtt_us=draw(st.none() | st.integers(0, 2**31 - 1)),
            attempts=draw(st.integers(0, 2**32 - 1)),
        )
        for each in drawn.observations
    )
    return replace(drawn, host=host, observations=seen)


def rich_record() -> RunRecord:
    """One run with everything in it that an outcome can hold."""
    certificate = Certificate(
        subject="CN=mail.example.com",
        issuer="CN=Example CA",
        names=("mail.example.com", "10.0.0.5"),
        not_before=BEGAN - timedelta(days=30),
        not_after=BEGAN + timedelta(days=60),
        serial="1f",
        sha256="c" * 64,
        key="rsa 2048",
    )
    service = Service(
        "smtp",
        product="Postfix \u2026 \x07",
        attributes={"starttls": "yes"},
        identified_by=Identification.BANNER,
        tls=TlsFacts(version="TLSv1.3", cipher="TLS_AES_256_GCM_SHA384", certificate=certificate),
    )
    network = ip_network("10.0.0.0/24")
    canary = Control(
        id="canary", kind=ControlKind.POSITIVE, endpoint=endpoint(443), networks=(network,)
    )
    of = plan(controls=(canary,), excluded=(ip_network("10.0.0.128/25"),))
    witness = Witness(
        network=network,
        positive=("canary",),
        negative=(),
        samples=5,
        failures=1,
        longest_gap_ms=1200,
        silent=3,
        unwitnessed=1,
    )
    return record(
        of,
        [22, 25],
        status=RunStatus.INCONCLUSIVE,
        observed=[
            observation(22),
            replace(with_banner(25), service=service),
            observation(80, PortState.CLOSED, rtt_us=None, attempts=3, reason=Reason.RESET),
        ],
        unmeasured={LocalFault.CONTROL_FAILED: PortSet.of(99)},
        witnesses=(witness,),
        own_listeners=(endpoint(40000),),
        masked=2,
        retransmitted=7,
    )


def through_documents(done: RunRecord) -> RunRecord:
    of = plan_document(done.plan)
    outcome = canonical(outcome_document(done, digest(of)))
    read = outcome_from(outcome, plan_from(canonical(of)))
    # A pack is believed only where what was read would be written in the same bytes.
    assert canonical(outcome_document(read, digest(of))) == outcome
    return read


@settings(max_examples=60, deadline=None)
@given(records())
def test_any_run_is_read_back_exactly(done: RunRecord) -> None:
    assert through_documents(done) == done


def test_a_run_with_everything_in_it_is_read_back_exactly() -> None:
    assert through_documents(rich_record()) == rich_record()


@settings(max_examples=30, deadline=None)
@given(st.lists(any_of(Judgement), max_size=3))
def test_any_judgements_are_read_back_exactly(judgements: list[Judgement]) -> None:
    document = judgements_document("run-1", map(judgement_text, judgements))
    assert judgements_from(document) == tuple(judgements)


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("plan", plan_document(rich_record().plan)),
        ("outcome", outcome_document(rich_record(), "d" * 64)),
        ("judgements", json.loads(judgements_document("run-1", [judgement_text(judgement())]))),
    ],
)
def test_the_documents_look_as_they_always_did(name: str, document: Any) -> None:
    # These bytes are evidence: a change here is a new schema version, with a reader for the old.
    assert json.loads(canonical(document)) == json.loads((GOLDEN / f"{name}.json").read_text())


def test_an_outcome_of_before_the_columns_is_still_read() -> None:
    written = (GOLDEN / "outcome_1.json").read_bytes()
    assert outcome_from(written, rich_record().plan) == rich_record()
    assert evidence_of(written) == evidence_of(canonical(outcome_document(rich_record(), "d" * 64)))


def test_an_observation_is_found_by_its_port_and_looks_like_the_one_that_was_written() -> None:
    (before,), (after,) = rich_record().hosts, through_documents(rich_record()).hosts
    assert after.observations[-1] == before.observations[-1]
    assert after.observations[:2] == before.observations[:2]
    assert [after.observation(each) for each in (22, 25, 80)] == list(before.observations)
    assert after.observation(443) is None


def test_an_observation_of_another_host_is_refused() -> None:
    done = rich_record()
    stray = replace(done.hosts[0], observations=(replace(observation(22), endpoint=ELSEWHERE),))
    with pytest.raises(EvidenceError, match=r"10\.9\.9\.9:22/tcp was observed, under"):
        outcome_document(replace(done, hosts=(stray,)), "d" * 64)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("columns", {}),
        ("states", []),
        ("services", []),
        ("digests", []),
        ("columns", "shorter"),
        ("columns", "longer"),
    ],
)
def test_damaged_columns_are_refused(key: str, value: Any) -> None:
    of = rich_record().plan
    document: Any = json.loads(canonical(outcome_document(rich_record(), "d" * 64)))
    columns = document["observations"]["columns"]
    if value == "shorter":
        value = {**columns, "port": b64encode(b"\x00\x16").decode()}
    elif value == "longer":
        value = {name: b64encode(b64decode(each) * 2).decode() for name, each in columns.items()}
    document["observations"][key] = value
    with pytest.raises(EvidenceError, match=r"stored observations cannot be read|its hosts have"):
        outcome_from(canonical(document), of)


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"null", b'{"schema":"portproof.plan/99"}', b"\xff\xfe"]
)
def test_what_is_no_document_of_this_schema_is_refused(data: bytes) -> None:
    for read in (plan_from, judgements_from, lambda data: outcome_from(data, plan())):
        with pytest.raises(EvidenceError, match="a stored record is"):
            read(data)


def test_an_outcome_that_does_not_fit_its_plan_is_refused() -> None:
    outcome = canonical(outcome_document(record(plan()), "d" * 64))
    with pytest.raises(EvidenceError, match="does not fit its plan"):
        outcome_from(outcome, replace(plan(), hosts=()))


def test_what_conforms_is_kept_with_the_judgements_hosts_that_are_alike_together() -> None:
    told = [
        Conforming(
            rules=("unapproved-exposure",),
            asset=address,
            address=ip_address(address),
            transport=Transport.TCP,
            ports=PortSet.of(22, 443),
        )
        for address in ("10.0.0.5", "10.0.0.6")
    ]
    written = judgements_document("run-1", [judgement_text(judgement())], told)
    document = json.loads(written)
    assert canonical(document) == written
    assert document["conforming"] == [
        {
            "rules": ["unapproved-exposure"],
            "transport": "tcp",
            "ports": "22,443",
            "addresses": ["10.0.0.5", "10.0.0.6"],
        }
    ]
    assert judgements_from(written) == (judgement(),)
