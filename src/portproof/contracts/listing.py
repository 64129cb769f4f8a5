"""Where targets are listed, and what is known of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    # A scan needs none of them.
    from portproof.model.inventory import FetchOutcome, KnownTarget, Taken
    from portproof.model.source import Listing, SecretRef


class TargetSource(Protocol):
    """Lists targets: a file, a cluster, a cloud account, a register."""

    @property
    def name(self) -> str:
        """Its name in `sources.yaml`."""
        ...

    def fetch(self) -> Listing:
        """List every target, sorted by id, each id once; an empty list is an answer.

        Raises:
            SourceError: the list could not be read, or not to its end; it is then unknown.
        """
        ...


class Secrets(Protocol):
    """Reveals a secret at the moment it is sent; nobody keeps or prints one."""

    def __call__(self, reference: SecretRef) -> str:
        """Give the secret.

        Raises:
            SettingsError: the variable is not set, or the file cannot be read; the message names
                the place and never the value.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchSummary:
    """The latest asking of a target source."""

    source: str
    at: datetime
    outcome: FetchOutcome
    because: str
    """Why it was not simply taken; empty when it was."""
    listed: int


class TargetBook(Protocol):
    """Remembers targets from one fetch of their source to the next."""

    def known(self) -> Sequence[KnownTarget]:
        """Give every target ever listed, by source and id."""
        ...

    def last_fetches(self) -> Mapping[str, FetchSummary]:
        """Give the latest fetch of each source that was ever asked."""
        ...

    def keep(self, taken: Iterable[Taken]) -> None:
        """Append fetches and what they do to targets; all or nothing."""
        ...

    def update(self, targets: Iterable[KnownTarget]) -> None:
        """Write targets that a run has looked at."""
        ...
