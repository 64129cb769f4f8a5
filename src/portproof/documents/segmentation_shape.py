"""The shape of `segmentation.yaml`."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from portproof.documents.shape import Id, NumericHost, OneOrMore, PortText, Shape, Words


class TesterShape(Shape):
    """Who tests; all three stand in every record."""

    name: Words
    """The role or the name of whoever is answerable for the test."""
    qualification: Words
    """Where the qualification can be looked up."""
    independent_of: Words
    """The teams that the tester is independent of, such as those who run the boundary."""


class TargetZoneShape(Shape):
    """A zone that others must not reach, or only in listed ways."""

    name: Id
    networks: OneOrMore[NumericHost] | None = None
    """The addresses that lie in it; left out: those that the vantages file gives the zone."""
    targets: OneOrMore[NumericHost] | None = None
    """What every test must ask, one by one; left out: whatever a run asks in its networks."""
    protected: bool | None = None
    """A cardholder data environment or the like; left out: as the vantages file says, or no."""


class AllowShape(Shape):
    """One flow that may cross."""

    ports: OneOrMore[PortText]
    """22, 8000-8010, U:53."""
    to: OneOrMore[NumericHost]
    """Its targets, inside the target zone."""
    because: Words
    """Why it has to be open."""
    ticket: str = ""


class CellShape(Shape):
    """What may cross from one zone into another; a pair of zones without a cell is denied."""

    from_: Id = Field(alias="from")
    """The zone that is tested from, as its vantages have it."""
    to: Id
    """A zone of this file."""
    expect: Literal["deny"] | None = None
    """Nothing may cross. Either this or `allow`."""
    allow: list[AllowShape] | None = Field(None, min_length=1)
    """What may cross; everything else may not."""
    ports: OneOrMore[PortText] | None = None
    """What a complete test of this cell asks; left out: the ports of the whole file."""
    boundary_resets: OneOrMore[PortText] | None = None
    """TCP ports on which the boundary is known to answer with resets of its own. A reset there is
    insufficient evidence; elsewhere it counts as a packet that crossed."""


class SegmentationShape(Shape):
    """Which zone may reach which, and who tests that."""

    model_config = ConfigDict(title="portproof segmentation")

    schema_: Literal["portproof.segmentation/1"] = Field("portproof.segmentation/1", alias="schema")
    tester: TesterShape
    ports: OneOrMore[PortText] | None = None
    """What a complete test of a cell asks; left out: every TCP port."""
    zones: list[TargetZoneShape] = Field(min_length=1)
    cells: list[CellShape] = Field(default_factory=list)
