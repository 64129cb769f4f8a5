"""The shape of `rules.yaml`."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import ConfigDict, Field
from pydantic.types import StringConstraints

from portproof.documents.shape import Chosen, Id, OneOrMore, PortText, Shape, Words
from portproof.model.endpoint import Transport
from portproof.model.finding import Severity

Unstripped: TypeAlias = Annotated[str, StringConstraints(min_length=1)]
"""Text in which places are counted: nothing of it is cut off."""


class AppliesShape(Shape):
    """What a rule looks at; whatever does not fit here is never given to its expression."""

    transport: Chosen[Transport] | None = None
    """Left out: both."""
    ports: OneOrMore[PortText] | None = None
    """22, 8000-8010, U:53; left out: every open port."""
    zones: OneOrMore[Id] | None = None
    """Vantage zones that it looks from; left out: all."""
    tags: OneOrMore[Words] | None = None
    """It looks at assets of the baseline that have one of them; left out: at every host."""


class CustomRuleShape(Shape):
    """One rule: open ports of which its expression is true deviate."""

    id: Id
    """Findings and waivers name it as custom/<id>."""
    title: Words
    severity: Chosen[Severity]
    applies: AppliesShape | None = None
    when: Unstripped
    """A CEL expression over one open port and its host: true = deviates. Its variables and what
    their absence means: `portproof rules variables`, docs/custom-rules.md."""
    because: Unstripped | None = None
    """A sentence that the finding says, with variables in braces: {service} on {port}; a brace
    itself is written twice. Left out: the title."""
    action: Words | None = None
    """What to do about it."""
    controls: dict[Id, list[Words]] | None = None
    """Ids of controls by framework."""
    owner: Words | None = None
    """Who mends it where the asset names nobody."""


class BudgetShape(Shape):
    """How long judging by these rules may take."""

    seconds: Annotated[float, Field(gt=0, le=3600, strict=False)]
    """For all rules and ports of one run together; what is left over then is UNKNOWN."""


class CustomRulesShape(Shape):
    """Rules of your own."""

    model_config = ConfigDict(title="portproof custom rules")

    schema_: Literal["portproof.rules/1"] = Field("portproof.rules/1", alias="schema")
    budget: BudgetShape | None = None
    """Left out: 60 seconds."""
    rules: list[CustomRuleShape]
    """May be an empty list."""
