from __future__ import annotations

from dataclasses import replace

import pytest

from evidence_parts import coverage, finding, host, open_port, unknown
from evidence_samples import inconclusive, little, much, typical
from portproof.errors import EvidenceError
from portproof.model.evidence import EvidenceDocument
from portproof.render.exposure import ExposureMap, Mark, exposure_map
from portproof.render.heatmap import heat_map, legend


def whole(document: EvidenceDocument) -> ExposureMap:
    return exposure_map(document, max_columns=999, max_rows=999)


def mark_of(document: EvidenceDocument, address: str, transport: str, port: int) -> Mark:
    drawn = whole(document)
    row = next(each for each in drawn.rows if address in each.label)
    return row.cells[drawn.columns.index((transport, port))].mark


@pytest.mark.parametrize(
    ("address", "port", "mark"),
    [
        ("203.0.113.2", 6379, Mark.UNAPPROVED),
        ("203.0.113.2", 5432, Mark.MISSING),
        ("203.0.113.1", 443, Mark.DEVIATING),
        ("203.0.113.1", 80, Mark.APPROVED),
        ("203.0.113.3", 21, Mark.WAIVED),
        ("203.0.113.4", 39321, Mark.OWN),
        ("203.0.113.5", 443, Mark.FILTERED),
        ("203.0.113.0", 443, Mark.CLOSED),
        ("2001:db8:10::20", 443, Mark.UNKNOWN),
    ],
)
def test_each_cell_shows_what_the_document_says(address: str, port: int, mark: Mark) -> None:
    assert mark_of(typical(), address, "tcp", port) is mark


def test_silence_over_udp_is_neither_open_nor_closed() -> None:
    assert mark_of(typical(), "203.0.113.4", "udp", 123) is Mark.UNDECIDED


def test_a_transport_that_was_not_asked_of_a_host_says_so() -> None:
    assert mark_of(typical(), "203.0.113.1", "udp", 53) is Mark.NOT_ASKED


def test_a_port_without_a_state_on_a_host_that_lost_probes_is_unknown() -> None:
    partial = host("192.0.2.11", states={"closed": "1-442"}, counts={"closed": 442})
    document = replace(little(), hosts=(*little().hosts, partial))
    lost = (*document.coverage, coverage("tcp", 65_535, host_name="192.0.2.11", missing=65_093))
    assert mark_of(document, "192.0.2.11", "tcp", 443) is Mark.NOT_ASKED
    assert mark_of(replace(document, coverage=lost), "192.0.2.11", "tcp", 443) is Mark.UNKNOWN


def test_a_deviation_outweighs_an_unknown_on_the_same_port() -> None:
    endpoint = "192.0.2.10:443/tcp"
    document = replace(
        little(), findings=(finding(endpoint, "x"),), unknown=(unknown(endpoint, "y"),)
    )
    assert mark_of(document, "192.0.2.10", "tcp", 443) is Mark.DEVIATING


def test_every_address_of_a_finding_is_marked_like_its_endpoint() -> None:
    ports = [open_port(f"192.0.2.{n}:8080/tcp", 8080, "ssh", entry="web") for n in (10, 11)]
    also = finding("192.0.2.10:8080/tcp", "x", rule="service-mismatch", also=(ports[1].endpoint,))
    hosts = (host("192.0.2.10", ports[0]), host("192.0.2.11", ports[1]))
    document = replace(little(), hosts=hosts, findings=(also,))
    assert mark_of(document, "192.0.2.10", "tcp", 8080) is Mark.DEVIATING
    assert mark_of(document, "192.0.2.11", "tcp", 8080) is Mark.DEVIATING


@pytest.mark.parametrize("rule", ["unapproved-exposure", "missing-service"])
@pytest.mark.parametrize("verdict", ["DEVIATES", "WAIVED"])
@pytest.mark.parametrize(
    ("changes", "mark"),
    [
        ({"states": {}, "unmeasured": {"no-route": "1-65535"}}, Mark.UNKNOWN),
        ({"states": {"closed": "22"}}, Mark.UNKNOWN),
        ({"states": {"closed": "6379"}}, Mark.CLOSED),
        ({"states": {"filtered": "6379"}}, Mark.FILTERED),
    ],
    ids=["unmeasured", "not asked", "closed", "filtered"],
)
def test_a_finding_of_an_earlier_run_says_nothing_of_a_port_now(
    rule: str, verdict: str, changes: dict[str, object], mark: Mark
) -> None:
    earlier = finding("192.0.2.10:6379/tcp", "x", rule=rule, verdict=verdict, carried_over=True)
    document = replace(little(), hosts=(host("192.0.2.10", **changes),), findings=(earlier,))
    assert mark_of(document, "192.0.2.10", "tcp", 6379) is mark


def test_a_required_service_is_drawn_missing_only_by_its_own_rule() -> None:
    missing = finding("192.0.2.10:6379/tcp", "x", rule="missing-service")
    document = replace(little(), hosts=(host("192.0.2.10"),), findings=(missing,))
    assert mark_of(document, "192.0.2.10", "tcp", 6379) is Mark.MISSING
    other = replace(document, findings=(replace(missing, rule="tls-certificate"),))
    assert mark_of(other, "192.0.2.10", "tcp", 6379) is Mark.CLOSED


def test_what_needs_attention_least_is_left_out_and_counted() -> None:
    cut = exposure_map(much(), max_columns=5, max_rows=3)
    assert (len(cut.columns), len(cut.rows)) == (5, 3)
    assert cut.hidden_rows == 37
    assert cut.hidden_columns == len(whole(much()).columns) - 5
    assert {cell.severity for row in cut.rows for cell in row.cells} >= {"critical"}


def test_a_host_says_how_many_of_its_open_ports_have_no_column() -> None:
    ports = tuple(open_port(f"192.0.2.10:{port}/tcp", port) for port in (21, 22, 23))
    document = replace(little(), hosts=(host("192.0.2.10", *ports),))
    (row,) = exposure_map(document, max_columns=2, max_rows=9).rows
    assert row.others == 1


def test_a_port_list_that_cannot_be_read_is_refused_and_not_skipped() -> None:
    broken = replace(
        little().hosts[0], address="192.0.2.77", states={"closed": "1-x"}, observations=()
    )
    with pytest.raises(EvidenceError, match="cannot be read"):
        whole(replace(little(), hosts=(*little().hosts, broken)))


def test_every_mark_can_be_told_from_the_others_without_colour() -> None:
    letters = [mark.letter for mark in Mark]
    assert len(set(letters)) == len(letters)
    assert len(legend()) == len(Mark)


def test_a_large_map_is_drawn_in_bands_that_fit_a_page() -> None:
    pictures = heat_map(whole(much()))
    assert len(pictures) > 2
    assert all('width="' in each for each in pictures)


def test_what_was_not_measured_is_hatched() -> None:
    picture = "".join(heat_map(whole(inconclusive())))
    assert "<path" in picture


def test_without_a_port_of_interest_there_is_no_map() -> None:
    assert heat_map(whole(replace(little(), hosts=(host("192.0.2.10"),)))) == ()
