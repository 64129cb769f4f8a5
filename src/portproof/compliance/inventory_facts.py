"""Facts about the inventory: what a run says of the targets that sources list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from portproof.model.compliance import AssertedFact
from portproof.model.inventory import TargetFact
from portproof.model.rule import FactDefinitions

_SAID_AS: Final[Mapping[str, str]] = {"retired_still_answering": "unknown_asset"}
"""What the vocabulary calls a fact that has no word of its own in it: a retired target that answers is
a responding host that is not in the inventory. A vocabulary that has the word is taken at it."""


def inventory_facts(
    told: Iterable[TargetFact], definitions: FactDefinitions
) -> Iterator[AssertedFact]:
    """Give the facts about targets, as far as the vocabulary has them."""
    for each in told:
        name = each.fact if definitions.get(each.fact) else _SAID_AS.get(each.fact, each.fact)
        definition = definitions.get(name)
        if definition is not None:
            yield AssertedFact(
                fact=name,
                polarity=definition.polarity,
                subject=each.subject,
                because=each.because,
            )
