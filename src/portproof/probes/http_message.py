"""One HTTP request and what its answer shows, for the probes inside and outside TLS.

Source: RFC 9112 §3 (request line, Host), §4 (status line); RFC 9110 §11.6.1 (WWW-Authenticate),
§10.2.2 (Location), §10.2.4 (Server).
"""

from __future__ import annotations

import re
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Final

from portproof.model.probe import ProbeContext, Turn
from portproof.probes.printable import printable

LONGEST_HEAD: Final = 16_384
LONGEST_BODY: Final = 8_192
"""Enough of a page to find a login form; the rest is never asked for."""

_STATUS_LINE: Final = re.compile(rb"HTTP/(\d(?:\.\d)?) (\d{3})(?: [^\r\n]*)?(?:\r?\n|$)")
_PASSWORD_FIELD: Final = re.compile(
    rb"<input\b[^<>]{0,400}\btype\s{0,8}=\s{0,8}[\"']?password", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an HTTP server showed: the `Server` header, and the attributes worth reporting."""

    product: str
    attributes: dict[str, str]


def exchange(context: ProbeContext, *, own_port: int) -> Generator[Turn, Any, Answer | None]:
    """Ask for `/` and read the answer; None when it is not HTTP.

    `own_port` is the scheme's port, which a Host header leaves out (80 or 443).
    """
    head = yield Turn(request(context, own_port=own_port), until=b"\r\n\r\n", limit=LONGEST_HEAD)
    answer = parse(head)
    if answer is None:
        return None
    if answer.attributes["status"] == "200" and b"text/html" in _headers(head).get(
        "content-type", b""
    ):
        page = yield Turn(limit=LONGEST_BODY)
        if _PASSWORD_FIELD.search(page):
            answer.attributes["login"] = "form"
    return answer


def request(context: ProbeContext, *, own_port: int) -> bytes:
    """Give the request: GET /, Host as listed (an address, or the DNS name), no keep-alive."""
    host = f"[{context.host}]" if ":" in context.host else context.host
    if context.port != own_port:
        host = f"{host}:{context.port}"
    return (
        f"GET / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: portproof\r\n"
        "Accept: */*\r\nConnection: close\r\n\r\n"
    ).encode("ascii", errors="replace")


def parse(head: bytes) -> Answer | None:
    """Read a status line and headers; None when it does not begin with an HTTP status line."""
    status = _STATUS_LINE.match(head)
    if status is None:
        return None
    attributes = {"version": status[1].decode(), "status": status[2].decode()}
    headers = _headers(head)
    if challenge := headers.get("www-authenticate"):
        attributes["auth"] = printable(
            challenge.split(maxsplit=1)[0] if challenge.split() else b""
        ).lower()
    if location := headers.get("location"):
        attributes["location"] = printable(location)
    return Answer(printable(headers.get("server", b"")), attributes)


def _headers(head: bytes) -> dict[str, bytes]:
    """Give each header's first value, by lower-case name."""
    found: dict[str, bytes] = {}
    for line in head.split(b"\n")[1:]:
        name, colon, value = line.partition(b":")
        if colon:
            found.setdefault(printable(name).lower(), value.strip())
    return found
