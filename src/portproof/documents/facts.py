"""`facts.yaml`: the vocabulary of observable facts that frameworks map to."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, Field

from portproof.documents.reading import Reading
from portproof.documents.shape import Chosen, Shape, Words
from portproof.model.rule import FactDefinition, FactDefinitions, Polarity


class FactShape(Shape):
    """One observable fact."""

    polarity: Chosen[Polarity]
    """Whether it counts against, for, or neither."""
    needs: list[Words]
    """What there must be before it may be asserted or denied."""
    text: Words


class FactsShape(Shape):
    """The vocabulary of facts."""

    model_config = ConfigDict(title="portproof facts")

    schema_: Literal["portproof.facts/1"] = Field(alias="schema")
    facts: dict[Words, FactShape] = Field(min_length=1)
    """Facts by id."""


def load_facts(path: Path) -> FactDefinitions:
    """Read the facts.

    Raises:
        DocumentError: with every fault of the file.
    """
    reading = Reading(path)
    document = reading.shape(FactsShape)
    reading.finish()
    facts = tuple(
        FactDefinition(id=name, polarity=fact.polarity, needs=tuple(fact.needs), text=fact.text)
        for name, fact in document.facts.items()
    )
    return FactDefinitions(facts=facts, digest=reading.digest)
