"""Ticket systems for tests: real HTTP servers on loopback that hold what a test puts there.

`Desk` is what both share: who may ask, what was asked, and answers that a test has made fail. What is
asked that the documented interface does not know is refused, so that no test is content with a client
that makes something up.
"""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import factories as make
from servers.certificates import KeyPair

USER = "audit@example.com"
SECRET = "s3cret-of-the-desk"


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Answer:
    """One answer; `torn` sends half of it, `lost` none of it."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    torn: bool = False
    lost: bool = False
    first: Callable[[], None] | None = None
    """Done right before the answer is sent."""


class Refused(Exception):  # noqa: N818 - an answer, no error of the test
    """Ends the handling of a request with an answer."""

    def __init__(self, status: int, body: Any = None) -> None:
        super().__init__(status)
        self.answer = Answer(status, body)


@dataclass
class Trouble:
    """What becomes of the next requests of a kind, before (or after) they are carried out."""

    method: str
    path: str
    """The end of the path."""
    answer: Answer
    times: int = 1
    carried_out: bool = False


class Desk:
    """A ticket system's state, and the requests that it saw."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[Asked] = []
        self.troubles: list[Trouble] = []
        self.bearer = False
        self.clock = make.NOON

    def handle(self, asked: Asked) -> Answer:
        """Carry out one request; raises `Refused` for what the interface does not know."""
        raise NotImplementedError

    def trouble(self, method: str, path: str, answer: Answer, **changes: Any) -> None:
        """Have the next requests of that kind answered so."""
        self.troubles.append(Trouble(method, path, answer, **changes))

    def tick(self) -> datetime:
        """Let a second go by, on the system's own clock."""
        self.clock += timedelta(seconds=1)
        return self.clock

    def wrote(self) -> list[Asked]:
        """Give the requests that change something."""
        return [each for each in self.asked if each.method != "GET" and "search" not in each.path]

    def reply(self, asked: Asked, authorization: str) -> Answer:
        """Answer one request, unless a test wanted something else."""
        self.asked.append(asked)
        wanted = f"Bearer {SECRET}"
        if not self.bearer:
            wanted = "Basic " + base64.b64encode(f"{USER}:{SECRET}".encode()).decode()
        if authorization != wanted:
            return Answer(401, {"errorMessages": ["You are not logged in"]})
        for each in self.troubles:
            if each.times and each.method == asked.method and asked.path.endswith(each.path):
                each.times -= 1
                if each.carried_out:
                    self.handle(asked)
                return each.answer
        try:
            return self.handle(asked)
        except Refused as refused:
            return refused.answer


def require_known(given: Mapping[str, Any], known: set[str], refusal: Callable[[str], Any]) -> None:
    """Refuse what the interface has no name for."""
    for each in given:
        if each not in known:
            raise Refused(400, refusal(each))


def _handler(desk: Desk) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def _serve(self) -> None:
            split = urlsplit(self.path)
            raw = self.rfile.read(int(self.headers.get("content-length", 0)))
            if raw:
                assert self.headers["content-type"] == "application/json"
            query = {name: values[-1] for name, values in parse_qs(split.query).items()}
            asked = Asked(self.command, split.path, query, json.loads(raw) if raw else None)
            self._send(desk.reply(asked, self.headers.get("authorization", "")))

        do_GET = do_POST = do_PATCH = _serve  # noqa: N815 - the names of http.server

        def _send(self, answer: Answer) -> None:
            if answer.first:
                answer.first()
            if answer.lost:
                self.close_connection = True
                return
            body = answer.body
            raw = (
                body
                if isinstance(body, bytes)
                else b""
                if body is None
                else json.dumps(body).encode()
            )
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            with suppress(BrokenPipeError, ConnectionResetError):  # who asked has heard enough
                self.wfile.write(raw[: len(raw) // 2] if answer.torn else raw)
            self.close_connection = answer.torn

    return Handler


@contextmanager
def open_desk(desk: Desk, pair: KeyPair | None = None) -> Iterator[None]:
    """Serve a desk on a free port of loopback inside the block; over TLS with a key pair."""

    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(desk)) as server:
        if pair is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(pair.certificate, pair.key)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        desk.url = f"http{'s' if pair else ''}://127.0.0.1:{server.server_address[1]}"
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
