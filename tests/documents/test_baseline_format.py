"""One order of keys and entries: comments go along, the meaning stays, and twice is once."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from documents.writing import written
from portproof.documents.baseline_format import PLAN, Order, format_baseline
from portproof.documents.baseline_shape import (
    ApprovalShape,
    AssetShape,
    BaselineShape,
    ChangeShape,
    EntryShape,
    EnvironmentShape,
    MitigationShape,
    ReviewShape,
    TemplateShape,
    ZoneShape,
)
from portproof.documents.shape import Shape
from portproof.documents.text import read_text
from portproof.documents.tree import parse_tree, plain
from portproof.errors import DocumentError


def formatted(folder: Path, text: str) -> str:
    """Format a text, and hold that a second time changes nothing."""
    path = written(folder, text)
    result = format_baseline(path)
    if result is None:
        return path.read_text(encoding="utf-8")
    path.write_text(result, encoding="utf-8")
    assert format_baseline(path) is None
    return result


def test_keys_and_entries_come_in_their_order_and_comments_go_along(tmp_path: Path) -> None:
    assert formatted(
        tmp_path,
        """\
        # yaml-language-server: $schema=baseline.schema.json

        # what is approved
        entries:
          # the second one
          - ports: 443   # https
            # who knows it
            id: b
            approval:
              ticket: X
              # a role
              requester: shop team
            to: 192.0.2.1
            justification: |
              Text that goes on.
              # and this is text as well
            from: office
          # the first one
          - {id: a, to: 192.0.2.2, ports: 80, from: office}
          # behind the last one

        # what it covers
        scope: all
        # the end
        """,
    ) == dedent("""\
        # yaml-language-server: $schema=baseline.schema.json

        # what it covers
        scope: all

        # what is approved
        entries:
          # the first one
          - {id: a, to: 192.0.2.2, ports: 80, from: office}
          # the second one
          # who knows it
          - id: b
            from: office
            to: 192.0.2.1
            ports: 443   # https
            justification: |
              Text that goes on.
              # and this is text as well
            approval:
              # a role
              requester: shop team
              ticket: X
          # behind the last one
        # the end
        """)


def test_templates_and_environments_are_ordered_by_name_and_their_parts_inside(
    tmp_path: Path,
) -> None:
    assert formatted(
        tmp_path,
        """\
        entries: []
        environments:
          test: {}
          prod:
            remove: x
            entries:
              b: {ports: 1}
              a:
                ports: 1
                status: proposed
        templates:
          z: {ports: 1}
          y:
            tier: 1
            ports: 1
        """,
    ) == dedent("""\
        templates:
          y:
            ports: 1
            tier: 1
          z: {ports: 1}
        entries: []
        environments:
          prod:
            entries:
              a:
                status: proposed
                ports: 1
              b: {ports: 1}
            remove: x
          test: {}
        """)


def test_lists_of_values_keep_the_order_that_their_author_gave_them(tmp_path: Path) -> None:
    text = (
        "include: [b.yaml, a.yaml]\nassets:\n- id: a\n  addresses:\n  - 192.0.2.9\n  - 192.0.2.1\n"
    )
    assert formatted(tmp_path, text) == text


def test_a_dash_on_its_own_line_keeps_it(tmp_path: Path) -> None:
    text = "entries:\n  -   # b\n    ports: 1\n    id: b\n  -\n    id: a\n"
    assert formatted(tmp_path, text) == (
        "entries:\n  -\n    id: a\n  -   # b\n    id: b\n    ports: 1\n"
    )


def test_keys_that_nobody_knows_come_last_in_their_order(tmp_path: Path) -> None:
    text = "entries:\n- prots: 1\n  a: 2\n  id: x\n"
    assert formatted(tmp_path, text) == "entries:\n- id: x\n  prots: 1\n  a: 2\n"


def test_line_ends_of_the_file_are_kept_and_it_ends_with_one(tmp_path: Path) -> None:
    path = tmp_path / "b.yaml"
    path.write_bytes(b"entries: []\r\nscope: all\r\n\r\n")
    assert format_baseline(path) == "scope: all\r\nentries: []\r\n"


def test_a_file_in_order_is_left_alone(tmp_path: Path) -> None:
    assert format_baseline(written(tmp_path, "scope: all\nentries: []\n")) is None


def test_a_list_in_flow_style_is_left_alone(tmp_path: Path) -> None:
    text = "entries: [{ports: 1, id: b}, {id: a}]\n"
    assert formatted(tmp_path, text) == text


@pytest.mark.parametrize(
    "text",
    [
        'scope: "all\n# no comment"\nnaming: {pattern: x}\nschema: portproof.baseline/1\n',
        "entries: []\n\nscope: |+\n  all\n\n\n",
        "? entries\n: []\n? scope\n: all\n",
        "{entries: [], scope: all}\n",
    ],
)
def test_what_cannot_be_moved_safely_is_left_or_refused_but_never_changed(
    tmp_path: Path, text: str
) -> None:
    path = written(tmp_path, text)
    before = plain(parse_tree(read_text(path))[0])
    try:
        result = format_baseline(path)
    except DocumentError as error:
        assert "without changing what it says" in str(error)  # noqa: PT017 - either is right
    else:
        path.write_text(result or text, encoding="utf-8")
        assert plain(parse_tree(read_text(path))[0]) == before


def test_a_file_with_duplicate_keys_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="duplicate key 'scope'"):
        format_baseline(written(tmp_path, "scope: a\nscope: b\nentries: []\n"))


@given(
    st.permutations(["id: e", "to: 192.0.2.1", "ports: 1", "# note", "", "tls:\n      at_least: x"])
)
@settings(max_examples=60, deadline=None)
def test_whatever_order_an_entry_is_written_in_it_ends_in_one(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    keys = [line for line in lines if line and not line.startswith("#")]
    block = "\n".join(f"    {line}" if line else "" for line in lines)
    text = f"entries:\n  -\n{block}\n  - {{id: a}}\n"
    result = formatted(tmp_path_factory.mktemp("f"), text)
    order = [result.index(f"\n    {key}") for key in sorted(keys, key=_KEYS.index)]
    assert order == sorted(order)
    assert result.count("# note") == 1


_KEYS = ["id: e", "to: 192.0.2.1", "ports: 1", "tls:\n      at_least: x"]


@pytest.mark.parametrize("order", [*permutations("cab")])
def test_entries_of_any_order_end_in_that_of_their_ids(
    tmp_path: Path, order: tuple[str, ...]
) -> None:
    rows = "".join(f"  # about {each}\n  - id: {each}\n" for each in order)
    expected = "".join(f"  # about {each}\n  - id: {each}\n" for each in "abc")
    assert formatted(tmp_path, f"entries:\n{rows}") == f"entries:\n{expected}"


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ((), BaselineShape),
        (("reviewed",), ReviewShape),
        (("zones", "*"), ZoneShape),
        (("assets", "*"), AssetShape),
        (("templates", "*"), TemplateShape),
        (("entries", "*"), EntryShape),
        (("entries", "*", "approval"), ApprovalShape),
        (("entries", "*", "mitigation"), MitigationShape),
        (("environments", "*"), EnvironmentShape),
        (("environments", "*", "entries", "*"), ChangeShape),
    ],
)
def test_every_key_that_may_be_written_has_its_place(
    path: tuple[str, ...], shape: type[Shape]
) -> None:
    order: Order = PLAN
    for step in path:
        order = order.below[step]
    written_as = {field.alias or name for name, field in shape.model_fields.items()}
    assert written_as <= set(order.keys)


_PIECES = [
    *("entries:", "- id: b", "  id: a", "  - id: z", "  -", "    ports: 1", "scope: x", "zones:"),
    *("- {name: q}", "templates:", "  t:", "environments: {p: {}}", "# c", "  # d", "", "\t# t"),
    *("  to: |", "   txt", "justification: >-", '  "a', 'b"', "ports: [1,", "2]", "? q", ": v"),
    *("- - x", "---", "'q': 1", "&a x: *a", "!!str k: v", "  approval: {requester: x}"),
]


@given(st.lists(st.sampled_from(_PIECES), min_size=1, max_size=12).map("\n".join))
@settings(max_examples=150, deadline=None)
def test_any_text_is_refused_or_put_in_one_order_for_good(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    folder = tmp_path_factory.mktemp("any")
    before = plain_of(written(folder, f"{text}\n"))
    if before is not None and (result := attempted(folder, f"{text}\n")) is not None:
        assert same(plain_of(written(folder, result)), before)


def plain_of(path: Path) -> object:
    """Give what a document says; None where it is none."""
    try:
        return plain(parse_tree(read_text(path))[0])
    except DocumentError:
        return None


def attempted(folder: Path, text: str) -> str | None:
    """Format a text; None where that is refused."""
    try:
        return formatted(folder, text)
    except DocumentError:
        return None


def same(one: object, other: object) -> bool:
    """Whether two values say the same; the order of named items does not count."""
    if isinstance(one, list) and isinstance(other, list):
        rest = list(other)
        for each in one:
            twin = next((place for place, it in enumerate(rest) if same(each, it)), None)
            if twin is None:
                return False
            del rest[twin]
        return not rest
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return one == other
