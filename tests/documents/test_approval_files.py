"""The folder of detached approvals: what is no approval is passed over, what cannot be read is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from portproof.documents.approval_files import read_approvals
from portproof.errors import ApprovalError


def test_a_file_that_names_no_entries_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "notes.json").write_text('{"to": "do"}')
    assert read_approvals(tmp_path, "", "shop") == ()


def test_a_file_that_cannot_be_read_is_told_and_not_passed_over(tmp_path: Path) -> None:
    # A regular file whose first byte nobody can read, not even root.
    (tmp_path / "lost.json").symlink_to("/proc/self/mem")
    with pytest.raises(ApprovalError, match=r"lost\.json cannot be read: Input/output error"):
        read_approvals(tmp_path, "", "shop")
