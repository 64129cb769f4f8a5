"""Asking a ticket system: what is tried again, what ends a sync, and what an error says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from threading import Event

import pytest

import factories as make
from portproof.errors import SettingsError, TicketError
from portproof.model.observation import Service
from portproof.model.source import EnvironmentSecret
from portproof.model.ticket import TicketAccess
from portproof.settings import reveal
from portproof.tickets import Ground
from portproof.tickets.rest import Rest
from servers.certificates import self_made
from tickets.desk import SECRET, USER, Answer, open_desk
from tickets.jira_desk import JiraDesk
from tickets.offices import World, opened, problems, steps

EXPOSED = make.open_host(p8080=None)
BOTH = make.open_host(p8080=None, p6379=Service("redis"))
QUESTION = ("POST", "/search/jql")
"""The request by which a sync begins."""
CREATION = ("POST", "/issue")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with opened(tmp_path, JiraDesk()) as made:
        made.run(EXPOSED, days=0)
        yield made


def fault(world: World) -> str:
    with pytest.raises(TicketError) as caught:
        world.sync(answer_s=0.2)
    told = str(caught.value)
    assert SECRET not in told
    assert "\n" not in told
    assert told.startswith(world.desk.url)
    return told


# ---------------------------------------------------------------- tried again


def test_what_was_turned_away_is_asked_again_after_the_time_it_names(world: World) -> None:
    world.desk.trouble(*CREATION, Answer(429, headers={"Retry-After": "7"}), times=2)
    assert steps(world.sync()) == ["open"]
    assert world.waited == [7.0, 7.0]
    assert len(world.held()) == 1


def test_a_time_may_be_a_date_and_no_wait_is_longer_than_a_minute(world: World) -> None:
    soon = format_datetime(world.clock.at + timedelta(minutes=1, seconds=30), usegmt=True)
    for said in (soon, "86400", "as you like"):
        world.desk.trouble(*QUESTION, Answer(429, headers={"Retry-After": said}))
    world.sync()
    first, second, third = world.waited
    assert 0 < first < 60
    assert (second, third) == (60.0, 1.0)


def test_after_four_times_it_is_told_and_not_asked_any_more(world: World) -> None:
    world.desk.trouble(*QUESTION, Answer(429), times=9)
    assert "it answered 429 each time: ask less often, or later" in fault(world)
    assert len(world.desk.asked) == 4


def test_a_question_is_asked_again_while_the_system_is_away_and_a_new_ticket_is_not(
    world: World,
) -> None:
    world.desk.trouble(*QUESTION, Answer(503))
    world.desk.trouble(*CREATION, Answer(503), carried_out=True)
    assert "it answered 503" in fault(world)
    assert len(world.held()) == 1
    assert steps(world.sync()) == ["link"]


# ---------------------------------------------------------------- what ends a sync


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (Answer(401, {}), "it answered 401: check the user and the secret"),
        (Answer(403, {"errorMessages": ["not you"]}), r"403 \(not you\): give the user the right"),
        (Answer(404, b"<html>"), "it answered 404: check the url"),
        (Answer(500, {"error": {"message": "sorry\x1b[2J"}}), r"500 \(message: sorry\\x1b\[2J\)"),
        (Answer(302, headers={"Location": "https://evil.example/"}), "302 towards https://evil"),
        (Answer(200, b"<html>welcome</html>"), "no JSON: check the url"),
        (Answer(200, b"[" * 100_000), "no JSON"),
        (Answer(200, [1, 2]), "its answer is not"),
        (Answer(200, {"issues": [{}], "result": [[]]}), "its answer is not"),
        (Answer(200, {"x": "y" * 100}, torn=True), "check the url, and that it is up"),
        (Answer(200, lost=True), "check the url, and that it is up"),
        (Answer(200, b"x" * (8 * 1024 * 1024 + 1)), "more than 8,388,608 bytes"),
        (Answer(200, b"x", headers={"Content-Encoding": "gzip"}), "compressed, unasked"),
    ],
)
def test_a_system_that_cannot_be_used_is_one_clear_error(
    world: World, answer: Answer, problem: str
) -> None:
    world.desk.trouble(*QUESTION, answer, times=9)
    with pytest.raises(TicketError, match=problem) as caught:
        world.sync()
    assert SECRET not in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert world.held() == []


def test_a_system_that_says_nothing_is_given_up(world: World) -> None:
    released = Event()
    world.desk.trouble(*QUESTION, Answer(200, first=lambda: bool(released.wait(10))))
    try:
        assert "it did not answer within 0.2 s" in fault(world)
    finally:
        released.set()


def test_a_wrong_secret_is_told_without_the_secret(world: World) -> None:
    options = world.options()
    wrong = replace(options.access, user="somebody-else")
    with pytest.raises(TicketError, match="401") as caught:
        world.sync(options=replace(options, access=wrong))
    assert SECRET not in str(caught.value)


def test_a_bearer_token_serves_as_well(world: World) -> None:
    world.desk.bearer = True
    assert steps(world.sync()) == ["open"]


# ---------------------------------------------------------------- what concerns one ticket


def test_a_ticket_that_is_refused_keeps_no_other(world: World) -> None:
    world.run(BOTH, days=1)
    world.desk.trouble(*CREATION, Answer(400, {"errors": {"summary": "too rude"}}))
    told = world.sync()
    (problem,) = problems(told)
    assert "400 (summary: too rude)" in problem
    assert len(world.held()) == 1
    assert steps(world.sync()) == ["open"]


def test_what_is_refused_twice_in_the_same_words_is_not_tried_for_every_finding(
    world: World,
) -> None:
    world.run(make.open_host(p8080=None, p8081=None, p8082=None, p8083=None), days=1)
    world.desk.trouble(*CREATION, Answer(403, {"errorMessages": ["no"]}), times=9)
    with pytest.raises(TicketError, match="twice, so that no other was tried"):
        world.sync()
    assert len(world.desk.wrote()) == 2


# ---------------------------------------------------------------- over TLS


def test_a_system_is_trusted_by_the_certificates_that_were_named_and_no_others(
    tmp_path: Path,
) -> None:
    pair = self_made(tmp_path)
    desk = JiraDesk()
    with open_desk(desk, pair):
        access = TicketAccess(url=desk.url, user=USER, secret=EnvironmentSecret("SECRET"))
        with pytest.raises(TicketError, match="name its certificate authority under 'ca'"):
            ask(access)
        assert desk.asked == []
        ask(replace(access, ca=pair.certificate))
        assert len(desk.asked) == 1


# ---------------------------------------------------------------- before anything is sent


def rest(access: TicketAccess, secret: str = "x") -> None:
    ground = Ground(now=lambda: make.NOON, wait=lambda _: None, secrets=lambda _: secret)
    with Rest(access, ground):
        pass


def ask(access: TicketAccess) -> None:
    ground = Ground(now=lambda: make.NOON, wait=lambda _: None, secrets=lambda _: SECRET)
    with Rest(access, ground) as asked:
        body = {"jql": 'labels in ("x") ORDER BY created ASC, key ASC', "fields": []}
        assert asked.find("/rest/api/3/search/jql", body) == {"issues": [], "isLast": True}


ACCESS = TicketAccess(url="https://127.0.0.1", user="", secret=EnvironmentSecret("NOT_SET_AT_ALL"))


def test_a_secret_that_is_not_there_is_told_by_its_place() -> None:
    ground = Ground(now=lambda: make.NOON, wait=lambda _: None, secrets=reveal)
    with pytest.raises(TicketError, match="NOT_SET_AT_ALL is not set"), Rest(ACCESS, ground):
        pass
    with pytest.raises(SettingsError):
        reveal(ACCESS.secret)


@pytest.mark.parametrize("secret", ["två", "a\nb", "a\0"])
def test_a_secret_that_would_break_its_header_is_refused_and_not_shown(secret: str) -> None:
    with pytest.raises(TicketError, match="characters no secret has") as caught:
        rest(ACCESS, secret)
    assert secret not in str(caught.value)


def test_certificates_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    with pytest.raises(TicketError, match="name a PEM file"):
        rest(replace(ACCESS, ca=tmp_path / "none.pem"))
