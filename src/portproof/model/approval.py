"""Who approved a baseline entry, and how that is known: claims, what speaks for them, who is entitled.

A name in a file is a claim by whoever wrote the file. Here a claim carries what a machine could
verify of it (a signature by a known key), and `policy.approval` judges whether it counts::

    git commits ──┐
    signed files ─┼─► Claim ─┐
    the entry ────┘          ├─► policy.approval ─► Standing (level, approvers, what is missing)
    approvers.yaml ─► Approvers

What is approved is the entry's canonical content (`content_of`): what it grants and why. The
approval's own fields (status, approver, date, emergency) are not part of it, so that approving an
entry does not change what was approved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import date, datetime
from enum import Enum, StrEnum
from pathlib import Path
from typing import Final

from portproof.model.baseline import BaselineEntry
from portproof.model.ports import PortSet

OPENPGP: Final = "openpgp:"
"""What a key of an approver begins with that is the fingerprint of an OpenPGP key: 40 hex digits."""
X509: Final = "x509:"
"""The same of an X.509 certificate: SHA-256, 64 hex digits."""

_NOT_CONTENT: Final = frozenset(
    {"hosts_text", "ranged", "location", "template", "environment", "changed", "status", "approval"}
)
"""How and where it is written, and what approving it changes."""
_CONTENT: Final = tuple(
    each.name for each in fields(BaselineEntry) if each.name not in _NOT_CONTENT
)
_ASKED: Final = ("requester", "review_by", "ticket")
"""What of an approval is asked for, not given."""


class Means(StrEnum):
    """What speaks for a claim."""

    SIGNATURE = "signature"
    """A detached signature over the canonical content."""
    MERGE = "signed merge"
    FOLLOW_UP = "signed follow-up commit"


class Level(StrEnum):
    """How far an entry's approval is known, from best to worst."""

    SIGNED = "verified by signature"
    GIT = "verified by git"
    SELF_DECLARED = "self-declared"
    """Names in a file, nothing more."""
    NONE = "none"

    @property
    def rank(self) -> int:
        """0 for the best."""
        return list(Level).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """One commit, as git has it: author and time are what the author's machine said."""

    id: str
    """40 or 64 hex digits."""
    author: str
    email: str
    at: datetime
    """Author time, UTC."""
    committed: datetime
    """Committer time, UTC."""
    message: str
    parents: tuple[str, ...] = ()

    @property
    def short(self) -> str:
        """The first twelve digits."""
        return self.id[:12]

    @property
    def subject(self) -> str:
        """The first line of the message."""
        return self.message.partition("\n")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """That somebody approved the present content of an entry, as far as a machine can verify it."""

    approver: str
    """The principal that the key belongs to; where nothing is signed, the name that is claimed."""
    key: str
    """Fingerprint of the key that signed, as `Signature.key`; empty where nothing is signed."""
    means: Means
    at: datetime
    emergency: bool = False
    reference: str
    """The commit's short id, or the name of the file with the signature."""
    author: str = ""
    """For git: the e-mail of the author of the content; nobody approves what he or she wrote."""
    author_key: str = ""
    """For git: fingerprint of the key that signed the content's commit."""
    refused: str = ""
    """Why it is not verified: no signature, an unknown key, altered bytes; empty when it is."""
    not_before: datetime | None = None
    """When the content came to be, as its author's machine said: nobody approves what is not there
    yet. For a detached signature: when the content came to be that the approved one replaced. None:
    git does not tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What a signature comes to: by whose key, or why nobody knows."""

    principal: str = ""
    """The approver whose key it is."""
    key: str = ""
    """`SHA256:…` of an SSH key, `openpgp:…` of a primary key, `x509:…` of a certificate; empty when
    the signature is not verified."""
    refused: str = ""
    """Why not; empty when it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryVersion:
    """One version of an entry in the history of its repository."""

    commit: Commit
    """The commit that made it."""
    entry: BaselineEntry | None
    """None: with this commit the entry is gone, or its baseline cannot be read (`problem`)."""
    digest: str
    """Of the canonical content, lower-case hex SHA-256; empty without an entry."""
    merges: tuple[Commit, ...] = ()
    """The merges that brought it to the branch that was looked at, the last one first."""
    before: BaselineEntry | None = None
    """The version before; None when there is none."""
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What is known of where one entry comes from."""

    digest: str
    """Of its present canonical content."""
    touched: Commit | None = None
    """The commit that last touched its lines; None when git cannot tell (`untold`), or not yet
    committed."""
    uncommitted: bool = False
    """Whether its present content is in no commit yet."""
    brought: EntryVersion | None = None
    """The version whose commit brought the present content; None when that is not known."""
    claims: tuple[Claim, ...] = ()
    untold: str = ""
    """Why git cannot tell where it comes from; empty when it can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approver:
    """Somebody entitled to approve."""

    id: str
    """The principal, as signatures name it: an e-mail address or a role, without spaces."""
    aliases: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    """OpenSSH public keys, type and base64 text; fingerprints that begin with `OPENPGP` or `X509`."""
    zones: tuple[str, ...] | None = None
    """Target zones; None: every zone, and hosts that lie in none."""
    begins: datetime | None = None
    ends: datetime | None = None
    """The first instant at which the entitlement no longer holds, UTC."""

    @property
    def ssh_keys(self) -> tuple[str, ...]:
        """The OpenSSH public keys among them."""
        return tuple(each for each in self.keys if not each.startswith((OPENPGP, X509)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Approvers:
    """Who may approve (`approvers.yaml`), and who is whom."""

    approvers: tuple[Approver, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Other names of persons who approve nothing: name → the person's id."""
    verified_only: bool = False
    """Whether a self-declared approval is a deviation."""
    ticket_pattern: str = ""
    """What a change reference looks like; empty: any text in the entry's ticket field."""
    file: str = ""
    """Empty: there is no such list."""
    digest: str = ""
    unsigned: str = ""
    """Why its signature is not verified; empty when it is, or when there is no list."""
    keyring: Path | None = None
    """The OpenPGP public keys whose fingerprints the list names; None: there are none."""
    certificates: Path | None = None
    """The X.509 certificates, likewise."""

    @property
    def trusted(self) -> bool:
        """Whether there is a list and its signature was verified."""
        return bool(self.file) and not self.unsigned


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalSettings:
    """What the configuration says of approvals; its presence asks for the history of each entry."""

    approvers: Path
    list_key: Path | None = None
    """The public key that must have signed the list; None: nobody's signature is enough."""
    folder: Path | None = None
    """Where detached approvals lie; None: `approvals` beside the baseline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where all entries of a baseline come from, and who may approve them."""

    traces: Mapping[str, Trace] = field(default_factory=dict)
    """By entry id; an entry without one was not looked at."""
    approvers: Approvers = field(default_factory=Approvers)
    commit: str = ""
    """The commit that was checked out; empty when git cannot tell."""
    anchor: str = ""
    """The commit that later runs hold the history against: `commit`, or an earlier one that is no
    longer in its history; empty where no history was asked for."""
    rewritten: str = ""
    """Why the history contradicts what earlier runs recorded; empty where it does not."""
    statements: tuple[str, ...] = ()
    """What limits all of it, one sentence each: a shallow clone, a list without a signature."""

    def untold_of(self, entry_id: str) -> str:
        """Say why git cannot tell of one entry; empty where it can, or where `statements` say so."""
        trace = self.traces.get(entry_id)
        untold = trace.untold if trace else ""
        return "" if any(untold in each for each in self.statements) else untold


def content_of(entry: BaselineEntry, scope: str) -> dict[str, object]:
    """Give the canonical content of an entry: plain values, equal for equal meaning.

    Hosts are what they stand for, so that a changed asset or tag is a changed entry. Empty values
    are left out: a field that a later version of portproof adds changes no digest.
    """
    held = ((name, getattr(entry, name)) for name in _CONTENT)
    # Most of it is text, and there are many entries.
    told = {name: value if type(value) is str else _plain(value) for name, value in held}
    told |= {name: _plain(getattr(entry.approval, name)) for name in _ASKED}
    told |= {"schema": "portproof.entry/1", "scope": scope}
    return {name: value for name, value in told.items() if value not in (None, "", [], {})}


def _plain(value: object) -> object:
    """Give a value of the model as JSON would have it; sets in one order."""
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple | frozenset):
        plain = [_plain(each) for each in value]
        return sorted(plain, key=str) if len(plain) > 1 else plain
    if is_dataclass(value) and not isinstance(value, PortSet):
        held = {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
        return {name: each for name, each in held.items() if each not in (None, "", [], {})}
    return str(value)  # port sets, networks
