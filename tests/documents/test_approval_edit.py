"""An approval recorded in the baseline's own text: comments, order and style stay."""

from __future__ import annotations

from datetime import date
from functools import partial
from pathlib import Path
from textwrap import dedent

import pytest

from portproof.documents import load_baseline
from portproof.documents.approval_edit import edited
from portproof.errors import ApprovalError
from portproof.model.baseline import Status
from portproof.usecases.approve import Recorded

LOAD = partial(load_baseline, vantages=None)


def approved(folder: Path, text: str, approver: str = "head@example.com") -> str:
    """Give the text after every entry was approved."""
    path = folder / "baseline.yaml"
    path.write_bytes(dedent(text).encode())
    baseline = LOAD(path)
    records = [
        Recorded(
            entry=each,
            status=Status.APPROVED if each.status is Status.PROPOSED else None,
            approver=approver,
            approved_on=date(2026, 11, 21),
        )
        for each in baseline.entries
    ]
    return edited(baseline, records, LOAD)[path]


def test_a_proposed_entry_becomes_an_approved_one_and_comments_stay(tmp_path: Path) -> None:
    text = """\
    # the register
    entries:
      - id: web
        status: "proposed"   # by init
        hosts: 192.0.2.1     # the shop
        ports: 443
        zones: office
        approval:
          requester: web-team
          approver:
          ticket: CHG-1      # the change
    """
    assert approved(tmp_path, text) == dedent("""\
    # the register
    entries:
      - id: web
        status: approved   # by init
        hosts: 192.0.2.1     # the shop
        ports: 443
        zones: office
        approval:
          requester: web-team
          approver: head@example.com
          approved_on: 2026-11-21
          ticket: CHG-1      # the change
    """)


def test_an_entry_without_an_approval_is_given_one_in_either_style(tmp_path: Path) -> None:
    text = """\
    entries:
      - {id: a, hosts: 192.0.2.1, ports: 443, zones: office}
      - id: b
        hosts: 192.0.2.2
        ports: 443
        zones: office
    """
    assert approved(tmp_path, text, "Head: of all") == dedent("""\
    entries:
      - {id: a, hosts: 192.0.2.1, ports: 443, approval: {approver: "Head: of all", approved_on: 2026-11-21}, zones: office}
      - id: b
        hosts: 192.0.2.2
        ports: 443
        approval: {approver: "Head: of all", approved_on: 2026-11-21}
        zones: office
    """)


def test_line_ends_of_windows_stay_what_they_are(tmp_path: Path) -> None:
    text = (
        "entries:\r\n  - id: b\r\n    hosts: 192.0.2.2\r\n    ports: 443\r\n    zones: office\r\n"
    )
    new = approved(tmp_path, text)
    assert "approved_on" in new
    assert new.count("\n") == new.count("\r\n")


def test_what_cannot_be_changed_safely_is_left_alone_with_what_to_write(tmp_path: Path) -> None:
    text = """\
    entries:
      - {id: a, hosts: 192.0.2.1, ports: 443, zones: office, approval: {approver: "\\x41"}}
    """
    with pytest.raises(ApprovalError, match=r"baseline\.yaml:2:5: entry a .*cannot be changed"):
        approved(tmp_path, text)


@pytest.mark.parametrize("approver", ["yes", "1.5", "a#b", "'", '"', "ä ö", "- x", "x: y", "[x]"])
def test_any_name_is_written_so_that_it_reads_the_same(tmp_path: Path, approver: str) -> None:
    text = "entries: [{id: a, hosts: 192.0.2.1, ports: 443, zones: office}]\n"
    path = tmp_path / "again.yaml"
    path.write_text(approved(tmp_path, text, approver), encoding="utf-8")
    (entry,) = LOAD(path).entries
    assert entry.approval.approver == approver
