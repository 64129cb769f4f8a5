"""The entry that comes nearest, and every reason why it does not match."""

from __future__ import annotations

from datetime import timedelta

import pytest

import factories as make
from policy.judging import only
from portproof.model.baseline import BaselineEntry, Direction
from portproof.model.endpoint import Transport

EXPOSED = make.open_host(p8080=None)
YESTERDAY = make.TODAY - timedelta(days=1)
TOMORROW = make.TODAY + timedelta(days=1)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (make.entry(port_text="22,80"), "it covers 22,80, not 8080"),
        (
            make.entry(port_text="8080", zones=("office",)),
            "approved from office, not from internet",
        ),
        (make.entry(port_text="8080", transport=Transport.UDP), "it is for UDP"),
        (make.entry("10.0.0.6", port_text="8080"), "it is for 10.0.0.6"),
        (
            make.entry(port_text="8080", approval=make.approval(review_by=YESTERDAY)),
            "ended with its review date 2026-11-20",
        ),
        (
            make.entry(port_text="8080", approval=make.approval(approved_on=TOMORROW)),
            "approved from 2026-11-22 on only",
        ),
    ],
)
def test_the_difference_to_the_nearest_entry_is_told(entry: BaselineEntry, reason: str) -> None:
    found = only("unapproved-exposure", EXPOSED, entry)
    assert found.entry_id == "web"
    assert reason in found.nearest
    assert reason in found.because


def test_an_entry_about_the_host_comes_before_one_about_the_port_elsewhere() -> None:
    elsewhere = make.entry("10.0.0.6", port_text="8080", id="elsewhere")
    here = make.entry(port_text="22", zones=("office",), id="here")
    assert only("unapproved-exposure", EXPOSED, elsewhere, here).entry_id == "here"


def test_the_entry_with_the_fewest_differences_is_the_nearest() -> None:
    far = make.entry(port_text="22", zones=("office",), id="far")
    near = make.entry(port_text="8080", zones=("office",), id="near")
    assert only("unapproved-exposure", EXPOSED, far, near).entry_id == "near"


def test_an_entry_about_something_else_is_not_near() -> None:
    found = only("unapproved-exposure", EXPOSED, make.entry("10.0.0.6", port_text="22"))
    assert not found.entry_id
    assert "no entry names this host" in found.nearest


def test_what_goes_out_grants_nothing_that_comes_in() -> None:
    outbound = make.entry(port_text="8080", direction=Direction.OUTBOUND)
    assert not only("unapproved-exposure", EXPOSED, outbound).entry_id
