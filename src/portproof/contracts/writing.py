"""What people write and read: reports, histories, signatures, their own rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    # A scan needs none of them.
    from portproof.model.approval import EntryVersion, Signature
    from portproof.model.custom_rule import Predicate, Variable
    from portproof.model.evidence import EvidenceDocument


class Renderer(Protocol):
    """Draws one report format from the evidence document alone."""

    def render(self, document: EvidenceDocument, out: Path) -> Path:
        """Write the report into the folder `out`; gives the file's path.

        Raises:
            RenderError: it cannot be written, or a library is missing.
        """
        ...


class ExpressionLanguage(Protocol):
    """The language that expressions of custom rules are written in."""

    def compile(self, text: str, variables: Sequence[Variable]) -> Predicate:
        """Give an expression over these variables, checked and ready to be asked.

        Raises:
            ExpressionError: it does not parse, a name or a type in it is wrong, it is neither true
                nor false, or it could take too long.
        """
        ...


class History(Protocol):
    """The versions of a baseline's entries, whatever keeps them."""

    def versions(self, entry_id: str) -> Iterator[EntryVersion]:
        """Give the versions of an entry, the present one first; empty when there was never one.

        Raises:
            ApprovalError: what keeps them cannot be read.
        """
        ...


class SignatureCheck(Protocol):
    """Verifies who signed a commit, whatever program does it."""

    def of_commit(self, commit: str) -> Signature:
        """Say by whose key a commit is signed, or why that is not known.

        Raises:
            ApprovalError: there is no such commit, or it cannot be read.
        """
        ...
