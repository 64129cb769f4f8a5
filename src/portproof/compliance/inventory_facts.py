"""Facts about the inventory: what a run says of the targets that sources list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from portproof.model.compliance import AssertedFact
from portproof.model.inventory import TargetFact
from portproof.model.rule import FactDefinitions

_JUDGED: Final = "retired_still_answering"
"""A finding of its own (`policy.checks.retired_answering`): its judgement asserts what the
vocabulary calls it, `unknown_asset`, a responding host that is not in the inventory."""


def inventory_facts(
    told: Iterable[TargetFact], definitions: FactDefinitions
) -> Iterator[AssertedFact]:
    """Give the facts about targets that no judgement asserts, as far as the vocabulary has them."""
    for each in told:
        definition = definitions.get(each.fact)
        if definition is not None and each.fact != _JUDGED:
            yield AssertedFact(
                fact=each.fact,
                polarity=definition.polarity,
                subject=each.subject,
                because=each.because,
            )
