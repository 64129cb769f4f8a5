"""Chains of rules that jump to one another, read into rules that hold the chains they jump to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from portproof.documents.intent_draft import Draft
from portproof.model.baseline import SourceLocation
from portproof.model.reconcile import Action, IntentRule

_DEEPEST: Final = 32
"""Chains that jump to one another; the kernel lets nftables do so 16 times (NFT_JUMP_STACK_SIZE)."""
_MOST_RULES: Final = 100_000

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Written(Generic[Key]):
    """One rule as it is written: what it matches, and what it does."""

    draft: Draft
    action: Action
    text: str
    line: int | None = None
    """None: the document has no lines that people could look at."""
    target: Key | None = None
    """The chain that it jumps or goes to."""


class Chains(Generic[Key]):
    """The chains of one document; `odd` names the rules of which not everything is understood."""

    def __init__(self, file: str, read: Callable[[Key], Iterable[Written[Key]] | None]) -> None:
        """`read` gives the rules of a chain, None where there is no such chain."""
        self._file = file
        self._read = read
        self._known: dict[Key, tuple[IntentRule, ...]] = {}
        self._sizes: dict[Key, int] = {}
        self._above: list[Key] = []
        self.odd: list[str] = []

    def rules(self, chain: Key) -> tuple[IntentRule, ...] | None:
        """Give the rules of a chain; None where there is no such chain, or it leads back to itself.

        Raises:
            ValueError: with the jumps counted in, the rules are too many.
        """
        if chain in self._known:
            return self._known[chain]
        written = self._read(chain)
        if written is None or chain in self._above or len(self._above) >= _DEEPEST:
            return None
        self._above.append(chain)
        held, size = [], 0
        for each in written:
            if not each.draft.never:
                held.append(self._rule(each))
                size += 1 + (0 if each.target is None else self._sizes.get(each.target, 0))
            if size > _MOST_RULES:
                raise ValueError(f"has more than {_MOST_RULES:,} rules, jumps counted in")
        self._above.pop()
        self._known[chain], self._sizes[chain] = tuple(held), size
        return self._known[chain]

    def _rule(self, each: Written[Key]) -> IntentRule:
        then = self.rules(each.target) if each.target is not None else ()
        action = Action.UNKNOWN if then is None else each.action
        if not each.draft.exact or action is Action.UNKNOWN:
            place = self._file if each.line is None else f"{self._file}:{each.line}"
            self.odd.append(f"{place}: {each.text}")
        location = SourceLocation(file=self._file, line=each.line or 1)
        return each.draft.rule(action, each.text, location, then=then or ())
