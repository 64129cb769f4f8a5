"""The text of proposed entries: a new baseline, or lines to be added to one.

Written as `baseline fmt` would leave it, so that the first review shows content and no reordering.
What a person has to decide stands empty beside a comment that says so; nothing is filled in that
somebody could take for a decision. Texts of strangers (names, owners from sources) are quoted, and
in comments made one printable line.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import wrap
from typing import Final

from portproof.documents.baseline import check_baseline
from portproof.documents.text import printable
from portproof.errors import DocumentError
from portproof.model.endpoint import Transport
from portproof.model.vantage import Vantages
from portproof.policy.proposals import Proposal
from portproof.policy.wording import counted, instant
from portproof.usecases.draft_baseline import Draft, Terms

_WIDTH: Final = 96
_HOW_TO_GO_ON: Final = """\
#
# Nothing here is approved. Each entry is `proposed`: it grants nothing, its ports stay findings.
# How to go on:
#   1. Delete what must not be open, and close it there. Split what was grouped wrongly.
#   2. Write why each service is needed, who owns it, and the ticket: without them an approved
#      entry is a deviation. A change after the approval ends it, so complete the entries first.
#   3. Commit. Somebody other than the requester approves, with one signature for each owner:
#        portproof baseline approve --owner OWNER --key KEY
#   4. portproof check
"""


def baseline_text(draft: Draft, terms: Terms, *, scope: str, at: datetime) -> str:
    """Give a whole new baseline, in which every entry is proposed."""
    head = [*_comment(f"Approved services, drafted {instant(at)} from {draft.source}.", "")]
    told = "".join(f"{line}\n" for line in head)
    entries = "entries:\n" if draft.proposals else "entries: []\n"
    listed = entries_text(draft.proposals, terms, indent=2)
    return f"{told}{_HOW_TO_GO_ON}\nscope: {quoted(scope)}\n\n{entries}{listed}"


def entries_text(proposals: Sequence[Proposal], terms: Terms, *, indent: int) -> str:
    """Give the items of a block of entries, dashes at `indent` columns; empty without any."""
    margin = " " * indent
    items = ("".join(f"{margin}{line}\n" for line in _entry(each, terms)) for each in proposals)
    return "\n".join(items)


def quoted(text: str) -> str:
    """Give a text as a double-quoted scalar on one line (YAML 1.2 §7.3.1)."""
    return json.dumps(printable(text), ensure_ascii=False)


def _entry(proposal: Proposal, terms: Terms) -> Iterator[str]:
    yield from _comment(_told(proposal), "")
    belongs = proposal.belongs
    yield f"- id: {proposal.id}"
    yield "  status: proposed"
    yield f"  from: {quoted(proposal.zone)}"
    yield from _hosts(proposal.hosts)
    yield f"  ports: {quoted(str(proposal.ports))}"
    if proposal.transport is not Transport.TCP:
        yield f"  transport: {proposal.transport}"
    if proposal.service:
        yield f"  service: {quoted(proposal.service)}"
    yield "  presence: allowed"
    if belongs.tier is not None:
        yield f"  tier: {int(belongs.tier)}"
    yield f"  owner: {quoted(belongs.owner)}{'' if belongs.owner else '  # which team?'}"
    if belongs.capability:
        yield f"  capability: {quoted(belongs.capability)}"
    yield '  justification: ""  # why is it needed?'
    yield "  approval:"
    yield f"    requester: {quoted(terms.requester)}"
    yield f"    review_by: {terms.review_by.isoformat()}"
    yield f"    ticket: {quoted(terms.ticket)}{'' if terms.ticket else '  # which change?'}"


def _told(proposal: Proposal) -> str:
    """Say what was seen, how the service is known, and whose the hosts are."""
    told = [f"Seen open on {counted(proposal.seen_on, 'host')}"]
    if proposal.towards:
        told.append(f"in zone {proposal.towards}")
    if proposal.service:
        told.append(f"identified itself as {proposal.service} ({', '.join(proposal.how)})")
    else:
        told.append("what answers is not identified, so that an approval would cover any service")
    if proposal.suggested:
        told.append(f"its number alone suggests {proposal.suggested}, which is a guess")
    if proposal.belongs.known_by:
        told.append(f"owner by {proposal.belongs.known_by}")
    return f"{'; '.join(told)}."


def _hosts(hosts: Sequence[str]) -> Iterator[str]:
    """Give the list of hosts, in as many lines as it needs."""
    head, rest = "  to: [", "       "
    line = head
    for position, host in enumerate(hosts):
        last = position == len(hosts) - 1
        word = f"{quoted(host)}{']' if last else ','}"
        if len(line) + len(word) > _WIDTH and line not in (head, rest):
            yield line.rstrip()
            line = rest
        line += f"{word}{'' if last else ' '}"
    yield line


def _comment(text: str, margin: str) -> Iterator[str]:
    for line in wrap(printable(text), _WIDTH, break_on_hyphens=False):
        yield f"{margin}# {line}"


def require_sound(text: str, *, called: Path, vantages: Vantages | None) -> None:
    """Read a new baseline as `baseline lint` would, before it is written.

    Raises:
        DocumentError: it has faults: it is too large, or a zone is not declared.
    """
    with TemporaryDirectory(prefix="portproof-") as folder:
        draft = Path(folder) / called.name
        draft.write_text(text, encoding="utf-8")
        try:
            check_baseline(draft, vantages=vantages)
        except DocumentError as error:
            raise DocumentError(
                [replace(each, file=str(called)) for each in error.faults]
            ) from None
