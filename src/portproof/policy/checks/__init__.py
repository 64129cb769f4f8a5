"""The rules, one file each; a check looks at the scene and gives judgements, nothing else.

A new rule is one file with a `RULE` id and a `judge` function, its test, and one line in `CHECKS`.
Rule ids are part of finding fingerprints and of waiver documents: they never change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from portproof.model.finding import Judgement
from portproof.policy.checks import (
    approval_emergency,
    approval_expired,
    approval_missing,
    approval_self,
    approval_unverified,
    baseline_recorded,
    change_untracked,
    insecure_service,
    interference,
    missing_service,
    plaintext_administration,
    segmentation_open,
    service_mismatch,
    tls_certificate,
    tls_floor,
    unapproved_exposure,
    unmeasured,
)
from portproof.policy.scene import Scene

CHECKS: Final[tuple[Callable[[Scene], Iterator[Judgement]], ...]] = (
    unapproved_exposure.judge,
    segmentation_open.judge,
    missing_service.judge,
    service_mismatch.judge,
    insecure_service.judge,
    plaintext_administration.judge,
    tls_certificate.judge,
    tls_floor.judge,
    approval_expired.judge,
    approval_missing.judge,
    approval_self.judge,
    approval_unverified.judge,
    approval_emergency.judge,
    change_untracked.judge,
    baseline_recorded.judge,
    interference.judge,
    unmeasured.judge,
)

RULES: Final = frozenset(
    {
        unapproved_exposure.RULE,
        segmentation_open.RULE,
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
        unmeasured.RULE,
        unmeasured.SILENT_RULE,
    }
)
"""Every rule id; what a waiver may name."""
