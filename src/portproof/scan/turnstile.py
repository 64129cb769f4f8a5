"""Who may go in: so many in all, so many of one group (a host), and the groups served in turn."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Hashable
from typing import Generic, TypeVar

Who = TypeVar("Who")


class Turnstile(Generic[Who]):
    """Lets in at most `at_once` together and `per_group` of each group; both at least one."""

    def __init__(self, *, at_once: int, per_group: int) -> None:
        self._at_once = max(1, at_once)
        self._per_group = max(1, per_group)
        self._waiting: dict[Hashable, deque[Who]] = {}
        self._inside: Counter[Hashable] = Counter()
        # Groups whose first in the row may go in, each once; a dict, because order matters.
        self._turn: dict[Hashable, None] = {}
        self.inside = 0

    def queue(self, group: Hashable, who: Who, *, first: bool = False) -> None:
        """Have somebody wait; `first`: ahead of all others of the group."""
        row = self._waiting.setdefault(group, deque())
        if first:
            row.appendleft(who)
        else:
            row.append(who)
        self._consider(group)

    def admit(self) -> Who | None:
        """Let the next one in; None when nobody waits or none may go in now."""
        if not self._turn or self.inside >= self._at_once:
            return None
        group = next(iter(self._turn))
        del self._turn[group]
        row = self._waiting[group]
        who = row.popleft()
        self.inside += 1
        self._inside[group] += 1
        if row:
            self._consider(group)
        else:
            del self._waiting[group]
        return who

    def leave(self, group: Hashable) -> None:
        """Make room: somebody of the group has come out."""
        self.inside -= 1
        self._inside[group] -= 1
        if not self._inside[group]:
            del self._inside[group]
        if group in self._waiting:
            self._consider(group)

    def __bool__(self) -> bool:
        """Whether anybody waits."""
        return bool(self._waiting)

    def _consider(self, group: Hashable) -> None:
        if self._inside[group] < self._per_group:
            self._turn.setdefault(group, None)
