"""What sources meet in the tests: files, a local web server, a local name server, a clock to set."""

from __future__ import annotations

import json
import socketserver
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.zone

from portproof.model.endpoint import Address
from portproof.model.source import (
    EnvironmentSecret,
    FileOptions,
    Options,
    SecretRef,
    SourceSettings,
    WebOptions,
)
from portproof.sources import Ground, Limits, Source

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
TOKEN = EnvironmentSecret("TOKEN")
SECRET = "s3cret-of-the-tests"


@dataclass
class Answer:
    """What the web server says to one path."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Asked:
    """One question that it was asked."""

    path: str
    headers: dict[str, str]


class Site:
    """A web server on loopback; a path it does not know is a 404."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[Asked] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(Asked(self.path, dict(self.headers)))
                answer = site.answers.get(self.path) or site.answers.get(
                    self.path.partition("?")[0]
                )
                answer = answer or Answer(b"not here", 404)
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def says(self, path: str, value: object, **answer: Any) -> None:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.answers[path] = Answer(body, **answer)


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[None]:
    """Serve in a thread as long as the block lasts."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class NameServer(socketserver.ThreadingTCPServer):
    """Zones over TCP: whole by AXFR (RFC 5936), and single answers."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, zone: str, keyring: dict[Any, Any] | None = None) -> None:
        self.zone = dns.zone.from_text(zone, origin="example.com.", relativize=False)
        self.keyring = keyring
        self.torn = False
        """Whether a transfer breaks off after its first message."""
        super().__init__(("127.0.0.1", 0), _NameHandler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _NameHandler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        server = self.server
        assert isinstance(server, NameServer)
        (length,) = struct.unpack("!H", self.rfile.read(2))
        wire = self.rfile.read(length)
        query = dns.message.from_wire(wire, keyring=server.keyring)
        if server.keyring is not None and not query.had_tsig:
            refusal = dns.message.make_response(query)
            refusal.set_rcode(dns.rcode.REFUSED)
            self._send(refusal)
            return
        soa = server.zone.find_rrset("@", dns.rdatatype.SOA)
        named = dns.rrset.from_rdata_list("example.com.", 60, list(soa))
        rows = [
            dns.rrset.from_rdata_list(name, 60, list(rdataset))
            for name, rdataset in server.zone.iterate_rdatasets()
            if rdataset.rdtype != dns.rdatatype.SOA
        ]
        context = None
        for group in ([named], *([each] for each in rows), [named]):
            answer = dns.message.make_response(query)
            answer.flags |= dns.flags.AA
            answer.answer = group
            context = self._send(answer, context)
            if server.torn:
                return

    def _send(self, answer: dns.message.Message, context: Any = None) -> Any:
        wire = answer.to_wire(multi=True, tsig_ctx=context)
        self.wfile.write(struct.pack("!H", len(wire)) + wire)
        return answer.tsig_ctx


class NameAnswers(socketserver.ThreadingUDPServer):
    """Single answers over UDP from a zone."""

    daemon_threads = True

    def __init__(self, zone: str) -> None:
        self.zone = dns.zone.from_text(zone, origin="example.com.", relativize=False)
        super().__init__(("127.0.0.1", 0), _AnswerHandler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _AnswerHandler(socketserver.DatagramRequestHandler):
    def handle(self) -> None:
        server = self.server
        assert isinstance(server, NameAnswers)
        query = dns.message.from_wire(self.rfile.read())
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        asked = query.question[0]
        found = server.zone.get_rrset(asked.name, asked.rdtype)
        if found is not None:
            answer.answer.append(found)
        elif server.zone.get_node(asked.name) is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        self.wfile.write(answer.to_wire())


@dataclass
class Names:
    """A resolver that knows what it was told."""

    known: dict[str, list[str]] = field(default_factory=dict)

    def resolve(self, name: str) -> tuple[Address, ...]:
        if name not in self.known:
            raise LookupError(f"{name}: it does not exist")
        return tuple(ip_address(each) for each in self.known[name])


@dataclass
class World:
    """The place where a source of the tests stands."""

    folder: Path
    site: Site
    names: Names = field(default_factory=Names)
    now: datetime = NOON
    elapsed_s: float = 0.0
    stopped: bool = False
    limits: Limits = field(default_factory=Limits)

    def ground(self) -> Ground:
        return Ground(
            now=lambda: self.now,
            elapsed_s=lambda: self.elapsed_s,
            stop=lambda: self.stopped,
            secrets=_reveal,
            resolver=self.names,
            limits=self.limits,
        )

    def source(self, kind: str, options: Options, **settings: Any) -> Source:
        made = SourceSettings(name="here", kind=kind, options=options, **settings)
        return Source(made, self.ground())

    def file(self, name: str, content: object) -> Path:
        path = self.folder / name
        raw = content if isinstance(content, bytes | str) else json.dumps(content)
        path.write_bytes(raw if isinstance(raw, bytes) else raw.encode())
        return path

    def files(self, name: str, content: object) -> FileOptions:
        return FileOptions(patterns=(str(self.file(name, content)),))

    def web(self, path: str = "", *, token: bool = False) -> WebOptions:
        return WebOptions(url=f"{self.site.url}{path}", token=TOKEN if token else None)


Build = Callable[[World], Source]


def _reveal(reference: SecretRef) -> str:
    assert reference == TOKEN
    return SECRET
