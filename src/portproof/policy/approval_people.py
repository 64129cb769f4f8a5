"""Who is whom: one person's names in commits, in the baseline and in the list of approvers.

Names are compared after case, spaces and Unicode compatibility forms are evened out, and after the
aliases of `approvers.yaml`: nobody approves his or her own entry with a capital letter or a second
address. `Web Team <web-team@example.com>` is the address in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from unicodedata import normalize

from portproof.model.approval import Approver, Approvers

_MAILBOX: Final = re.compile(r".*<([^<>\s]+@[^<>\s]+)>\s*")


class People:
    """The persons that a list of approvers knows; every other name is a person of its own."""

    def __init__(self, approvers: Approvers) -> None:
        self._ids = dict(_names(approvers))
        self._approvers = {even(each.id): each for each in approvers.approvers}

    def person(self, name: str) -> str:
        """Give the id of the person a name belongs to, evened out; empty for an empty name."""
        held = even(name)
        seen: set[str] = set()
        while held in self._ids and held not in seen:
            seen.add(held)
            held = self._ids[held]
        return held

    def same(self, one: str, other: str) -> bool:
        """Whether two names are one person's; an empty name is nobody's."""
        return bool(self.person(one)) and self.person(one) == self.person(other)

    def approver(self, name: str) -> Approver | None:
        """Find the approver of that name; None when he or she is not in the list."""
        return self._approvers.get(self.person(name))


def even(name: str) -> str:
    """Give a name as it is compared: compatibility forms (NFKC), case folded, single spaces."""
    plain = normalize("NFKC", normalize("NFKC", name).casefold())
    mailbox = _MAILBOX.fullmatch(plain)
    return " ".join((mailbox[1] if mailbox else plain).split())


def _names(approvers: Approvers) -> Iterator[tuple[str, str]]:
    for each in approvers.approvers:
        yield from ((even(other), even(each.id)) for other in each.aliases)
    yield from ((even(other), even(person)) for other, person in approvers.aliases.items())
