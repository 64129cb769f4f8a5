"""Expressions are checked when they are compiled, and have no value rather than a wrong one."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from own_rules import language
from portproof.errors import EvaluationError, ExpressionError
from portproof.expressions.cel import MOST_CHARACTERS
from portproof.model.custom_rule import VARIABLES, Value


def told(text: str) -> list[tuple[int, str]]:
    """Give what is wrong with an expression."""
    with pytest.raises(ExpressionError) as refused:
        language().compile(text, VARIABLES)
    return list(refused.value.problems)


def asked(text: str, **values: Value) -> bool:
    return language().compile(text, VARIABLES)(values)


def failed(text: str, **values: Value) -> EvaluationError:
    with pytest.raises(EvaluationError) as failure:
        asked(text, **values)
    return failure.value


@pytest.mark.parametrize(
    ("text", "offset", "problem"),
    [
        ("prot == 22", 0, "unknown name 'prot'; did you mean 'port'?"),
        ('port == "22"', 5, "'==' cannot be applied to (int, string)"),
        ('port in ["22"]', 5, "'in' cannot be applied to (int, list(string))"),
        ("tls &&\n  zome == 'x'", 9, "unknown name 'zome'; did you mean 'zone'?"),
        ('"é😀" == host && tagz == 1', 16, "unknown name 'tagz'; did you mean 'tags'?"),
        ("port == 1 && nobody(port)", 13, "unknown name 'nobody'"),
        ("port ==", 7, "Syntax error: the expression ends too early"),
        ("port + 1", 0, "gives int, not bool: a rule is true where a port deviates"),
        ("'tls_verson' in known", 0, "unknown name 'tls_verson'; did you mean 'tls_version'?"),
    ],
)
def test_a_fault_is_told_with_its_place(text: str, offset: int, problem: str) -> None:
    assert told(text) == [(offset, problem)]


def test_all_faults_of_names_and_types_are_told_at_once() -> None:
    assert [offset for offset, _ in told("prot == 1 || port == 'x' || hots == ''")] == [0, 18, 28]


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ('host.matches("(")', 13),
        ('matches(host, "[")', 14),
        ('judged_at > timestamp("yesterday")', 22),
        ('judged_at - tls_expires < duration("30d")', 35),
    ],
)
def test_a_constant_that_its_function_refuses_is_a_fault_of_the_file(
    text: str, offset: int
) -> None:
    (found,) = told(text)
    assert found[0] == offset


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("tags.all(a, names.all(b, tags.all(c, a == b && b == c)))", "deeper than 2"),
        (" + ".join(["host"] * 18) + " == host", "more than 16 times"),
        ("dyn(port) == 'x'", "dyn()"),
        (f"port == {' ' * MOST_CHARACTERS}1", "longer than 4,000 characters"),
        ("(" * 60 + "tls" + ")" * 60, "recursion limit"),
    ],
)
def test_what_could_take_too_long_is_refused_when_it_is_read(text: str, part: str) -> None:
    ((_, problem),) = told(text)
    assert part in problem


def test_two_lists_may_be_held_against_each_other() -> None:
    text = "names.exists(name, tags.exists(tag, name.startsWith(tag)))"
    assert asked(text, names=["db1.example.com"], tags=["web", "db"])


def test_the_variables_that_it_reads_are_known() -> None:
    compiled = language().compile("tls && tags.exists(t, t == host)", VARIABLES)
    assert compiled.reads == {"tls", "tags", "host"}


def test_what_has_no_value_is_never_taken_for_false() -> None:
    failure = failed('tls_version == "TLSv1"', port=443)
    assert failure.absent == "tls_version"


@pytest.mark.parametrize("text", ["tls && tier == 1", "tier == 1 && tls", "!(!tls || tier != 1)"])
def test_an_expression_that_is_decided_without_it_needs_no_value(text: str) -> None:
    assert asked(text, tls=False) is False


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("1 / (port - 22) > 0", "divide by zero"),
        ('attributes["auth"] == "none"', "Key not found"),
        ("int(host) > 1", ""),
        ("names.exists(a, names.exists(b, a != b))", "more than 10,000 steps"),
    ],
)
def test_an_error_of_its_own_is_told_as_such(text: str, part: str) -> None:
    failure = failed(text, port=22, attributes={}, host="x", names=["x"] * 200)
    assert failure.absent == ""
    assert part in str(failure)


def test_times_are_compared_as_instants_up_to_the_last_one_that_certificates_name() -> None:
    # RFC 5280 §4.1.2.5: 99991231235959Z stands for "no end".
    never = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    text = 'tls_expires < judged_at + duration("720h")'
    now = datetime(2026, 11, 21, tzinfo=UTC)
    assert asked(text, tls_expires=never, judged_at=now) is False


def test_a_pattern_cannot_run_away() -> None:
    assert asked('banner.matches("(a+)+$")', banner="a" * 50_000 + "b") is False


@given(st.text(max_size=60))
def test_any_text_compiles_or_is_refused_inside_of_it(text: str) -> None:
    problems: tuple[tuple[int, str], ...] = ()
    try:
        language().compile(text, VARIABLES)
    except ExpressionError as refused:
        problems = refused.problems
    assert all(0 <= offset <= len(text) for offset, _ in problems)


@given(st.text(), st.text())
def test_any_banner_has_an_answer(banner: str, service: str) -> None:
    text = 'banner.contains("OpenSSH") || service == "x" || banner.size() > 3 || banner < service'
    assert asked(text, banner=banner, service=service) in (True, False)
