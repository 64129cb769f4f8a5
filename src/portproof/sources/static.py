"""Targets that stand in `sources.yaml` itself."""

from __future__ import annotations

from portproof.model.source import StaticOptions
from portproof.sources.gathering import Found, Gathering


def fill(gathering: Gathering, options: StaticOptions) -> None:
    """List the document's own targets."""
    for item in options.items:
        gathering.add(
            Found(
                id=item.id,
                kind="host",
                hosts=[*map(str, item.addresses), *item.names],
                owner=item.own.owner,
                tags=item.own.tags,
                tier=str(item.own.tier.value) if item.own.tier else "",
                capability=item.own.capability,
                zone=item.own.zone,
                ports=item.ports,
            )
        )
