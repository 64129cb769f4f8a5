"""What the cloud sources share: answers kept in files, and rules of security groups in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from portproof.sources.files import each_file, read_json
from portproof.sources.gathering import Gathering
from portproof.sources.trees import each_in, mapping, text
from portproof.sources.web import Web

_MOST_RULES: Final = 12
"""Rules in the attribute `allowed`; more are counted."""


def kept_answers(gathering: Gathering, patterns: tuple[str, ...]) -> Iterator[Any]:
    """Give the answers that a cloud's own command line program wrote into files.

    Raises:
        SourceError: a file cannot be read.
    """
    for path in each_file(gathering, patterns):
        yield read_json(gathering, path)


def pages(
    web: Web, path: str, parameters: Mapping[str, str], following: str
) -> Iterator[Mapping[str, Any]]:
    """Give the pages of a list whose answers name the next page's URL under `following`.

    Raises:
        SourceError: a page is missing.
    """
    page = mapping(web.json(path, parameters))
    while True:
        yield page
        link = text(page.get(following))
        if not link:
            return
        page = mapping(web.follow(link))


def in_words(protocol: str, ports: str, origins: Iterable[str]) -> Iterator[str]:
    """Say a rule as `tcp 22 from 0.0.0.0/0`, once for each origin; `all` where it has no ports."""
    for origin in origins:
        yield f"{protocol} {ports or 'all'} from {origin}"


def allowed(rules: Iterable[str]) -> str:
    """Join rules into the attribute `allowed`, sorted, each once, cut with the number left out."""
    told = sorted(set(rules))
    more = f"; and {len(told) - _MOST_RULES} more" if len(told) > _MOST_RULES else ""
    return "; ".join(told[:_MOST_RULES]) + more


def tag_of(tags: object, name: str) -> str:
    """Give a tag by its name, whatever its case: of a mapping, or of AWS' list of Key and Value."""
    pairs = (
        mapping(tags).items()
        if isinstance(tags, dict)
        else ((mapping(each).get("Key"), mapping(each).get("Value")) for each in each_in(tags))
    )
    return next((text(value) for key, value in pairs if text(key).lower() == name), "")
