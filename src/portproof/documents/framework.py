"""`frameworks/*.yaml`: the requirements of one framework in one version, and the facts on them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, Field

from portproof.documents.reading import Reading
from portproof.documents.shape import Chosen, Id, Shape, Words
from portproof.model.rule import FactDefinitions, Framework, FrameworkControl, Strength


class ControlShape(Shape):
    """One requirement or criterion, in our own words."""

    id: Words
    """In quotes wherever it looks like a number."""
    strength: Chosen[Strength]
    """How far the evidence of a scan carries for it."""
    paraphrase: Words
    accept: Words
    """What of the evidence an assessor can use."""
    cannot: Words
    """What a scan cannot show."""
    facts: list[Words]
    """Ids of `facts.yaml`; empty where no fact touches it."""
    freq: str = ""
    applies: str = ""
    """To whom it applies; left out: to everyone."""
    basis: str = ""
    """`V`: id and meaning checked against a public page. `K`: own knowledge."""
    focus: str = ""
    """Themes of its points of focus."""


class FrameworkShape(Shape):
    """One framework in one version."""

    model_config = ConfigDict(title="portproof framework")

    schema_: Literal["portproof.framework/1"] = Field(alias="schema")
    id: Id
    title: Words
    version: Words
    disclaimer: Words
    """Printed wherever results of it are printed."""
    effective: str = ""
    """Since when it is the version in force."""
    watch: str = ""
    """Known changes to come."""
    controls: list[ControlShape] = Field(min_length=1)


def load_framework(path: Path, facts: FactDefinitions) -> Framework:
    """Read one framework; its controls may name only the facts given.

    Raises:
        DocumentError: with every fault of the file.
    """
    reading = Reading(path)
    reading.unique("controls", "id", "control id")
    document = reading.shape(FrameworkShape)
    known = [fact.id for fact in facts.facts]
    for position, control in enumerate(document.controls):
        _check_facts(reading, position, control, known)
    reading.finish()
    return Framework(
        id=document.id,
        title=document.title,
        version=document.version,
        disclaimer=document.disclaimer,
        controls=tuple(map(_control, document.controls)),
        digest=reading.digest,
        file=reading.file,
    )


def _check_facts(reading: Reading, position: int, control: ControlShape, known: list[str]) -> None:
    for place, fact in enumerate(control.facts):
        at = ("controls", position, "facts", place)
        if reading.known(at, fact, known, "fact") and fact in control.facts[:place]:
            reading.fault(at, f"the fact '{fact}' stands twice")


def _control(shape: ControlShape) -> FrameworkControl:
    return FrameworkControl(
        id=shape.id,
        paraphrase=shape.paraphrase,
        strength=shape.strength,
        facts=tuple(shape.facts),
        accept=shape.accept,
        cannot=shape.cannot,
        frequency=shape.freq,
        applies=shape.applies,
        basis=shape.basis,
    )
