"""Reviews of the register: read, prepared, signed; and what they say to whoever judges."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from portproof.bootstrap.approvals import approvers_of, provenance_of, reader_of
from portproof.bootstrap.inventory import known_targets
from portproof.documents.review_editors import editors_of
from portproof.documents.reviews import (
    FOLDER,
    NAMESPACE,
    Reviews,
    read_reviews,
    review_bytes,
    review_name,
)
from portproof.documents.ssh_signatures import SshKeygen
from portproof.documents.writing import write_files
from portproof.errors import ApprovalError, StoreError
from portproof.model.review import RegisterReview
from portproof.policy.review import last_reviewed, register_reviews
from portproof.usecases.baseline_review import Editors, Ground, Usage, prepare, usage_of
from portproof.usecases.review_list import Register, ReviewList, list_reviews

if TYPE_CHECKING:
    from portproof.bootstrap import Application
    from portproof.model.approval import Provenance
    from portproof.model.baseline import Baseline
    from portproof.usecases.baseline_review import AskedReview, Prepared

_MOST_TOLD: Final = 3
_EVER: Final = datetime.min.replace(tzinfo=UTC)

__all__ = [
    "ReviewList",
    "give_review",
    "prepare_review",
    "review_list",
    "review_text",
    "reviewed_baseline",
    "reviews_of",
]


def reviews_of(app: Application) -> Reviews:
    """Read the reviews that lie beside the baseline.

    Raises:
        ApprovalError: there are too many files.
        DocumentError: the list of approvers has faults.
    """
    return read_reviews(_folder(app), approvers_of(app), app.baseline.scope)


def reviewed_baseline(app: Application, provenance: Provenance) -> Baseline:
    """Give the baseline with what its reviews come to; no check fails where they cannot be verified.

    Raises:
        DocumentError: the list of approvers has faults.
    """
    if not _folder(app).is_dir():
        return app.baseline
    try:
        held = reviews_of(app)
    except ApprovalError as problem:
        held = Reviews(problems=(str(problem),))
    found = register_reviews(held.signed, app.baseline, provenance, app.vantages)
    if held.problems:
        told = f"no review that there was then counts: {'; '.join(held.problems[:_MOST_TOLD])}"
        found = (RegisterReview(since=_EVER, on=None, verified=True, told=told), *found)
    return replace(app.baseline, reviews=found)


def review_list(app: Application) -> ReviewList:
    """List the reviews that lie beside the baseline, and what each is worth today.

    Raises:
        ApprovalError: as `reviews_of`.
        DocumentError: as `reviews_of`.
    """
    held = reviews_of(app)
    register = Register(baseline=app.baseline, provenance=provenance_of(app), vantages=app.vantages)
    return list_reviews(held.signed, held.problems, register, app.clock.now())


def prepare_review(app: Application, asked: AskedReview, *, most_runs: int) -> Prepared:
    """Put together what a reviewer is to look at and to sign.

    Raises:
        ApprovalError: the reviewer may not, or nothing is to review.
        DocumentError: a document has faults.
    """
    baseline, provenance = app.baseline, provenance_of(app)
    known = last_reviewed(reviews_of(app).signed, baseline, provenance, app.vantages)
    if provenance.rewritten:
        editors = Editors({}, provenance.rewritten)
    else:
        ids = [each.id for each in baseline.approved]
        editors = editors_of(baseline, ids, reader_of(app), known)
    ground = Ground(
        baseline=baseline,
        provenance=provenance,
        vantages=app.vantages,
        usage=_usage(app, asked, most_runs),
        editors=editors,
    )
    return prepare(ground, asked)


def give_review(app: Application, prepared: Prepared, key: Path) -> list[Path]:
    """Sign a review and write it beside the baseline; gives the files.

    Raises:
        ApprovalError: the key cannot sign, or the files cannot be written.
    """
    content = review_bytes(prepared.record)
    signature = SshKeygen().sign(content, key, NAMESPACE)
    file = _folder(app) / review_name(prepared.record, content)
    return write_files({file: content, file.with_name(f"{file.name}.sig"): signature})


def review_text(prepared: Prepared) -> str:
    """Give what is signed, as JSON."""
    return review_bytes(prepared.record).decode()


def _folder(app: Application) -> Path:
    return Path(app.baseline.file).parent / FOLDER


def _usage(app: Application, asked: AskedReview, most_runs: int) -> Usage:
    try:
        with app.open_store(create=False) as store:
            known = known_targets(app)
            return usage_of(store, app.baseline, asked.at, most_runs=most_runs, inventory=known)
    except StoreError as problem:
        return Usage(untold=str(problem))
