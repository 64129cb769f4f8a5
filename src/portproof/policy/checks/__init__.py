"""The rules, one file each; a check looks at the scene and gives judgements, nothing else.

A new rule is one file with a `RULE` id and a `judge` function, its test, and one line in `CHECKS`.
Rule ids are part of finding fingerprints and of waiver documents: they never change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from portproof.model.finding import Judgement
from portproof.policy.checks import (
    approval_emergency,
    approval_expired,
    approval_missing,
    approval_self,
    approval_unverified,
    baseline_recorded,
    change_untracked,
    custom_rule,
    insecure_service,
    interference,
    missing_service,
    plaintext_administration,
    retired_answering,
    segmentation_crossed,
    segmentation_open,
    service_mismatch,
    tls_certificate,
    tls_floor,
    unapproved_exposure,
    unmeasured,
)
from portproof.policy.scene import Scene

_Checks: TypeAlias = tuple[Callable[[Scene], Iterator[Judgement]], ...]

OF_PORTS: Final[_Checks] = (
    unapproved_exposure.judge,
    service_mismatch.judge,
    insecure_service.judge,
    plaintext_administration.judge,
    tls_certificate.judge,
    tls_floor.judge,
    approval_expired.judge,
)
"""What looks at one open port at a time, at the entries that cover it (what `conformity` lists of
them), and at what it said; of the host at its name alone, and that only where TLS was spoken. So
ports that are alike in these are judged once. A rule that looks at more belongs below."""

CHECKS: Final[_Checks] = (
    *OF_PORTS,
    segmentation_open.judge,
    segmentation_crossed.judge,
    missing_service.judge,
    approval_missing.judge,
    approval_self.judge,
    approval_unverified.judge,
    approval_emergency.judge,
    change_untracked.judge,
    baseline_recorded.judge,
    custom_rule.judge,
    interference.judge,
    retired_answering.judge,
    unmeasured.judge,
)

RULES: Final = frozenset(
    {
        unapproved_exposure.RULE,
        segmentation_open.RULE,
        segmentation_crossed.RULE,
        missing_service.RULE,
        service_mismatch.RULE,
        insecure_service.RULE,
        plaintext_administration.RULE,
        tls_certificate.RULE,
        tls_floor.RULE,
        approval_expired.RULE,
        approval_missing.RULE,
        approval_self.RULE,
        approval_unverified.RULE,
        approval_emergency.RULE,
        change_untracked.RULE,
        interference.RULE,
        retired_answering.RULE,
        unmeasured.RULE,
        unmeasured.SILENT_RULE,
        unmeasured.UNREADABLE_RULE,
    }
)
"""Every rule id; what a waiver may name."""
