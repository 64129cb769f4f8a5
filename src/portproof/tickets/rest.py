"""Asking a ticket system over HTTP: bounded in bytes, time and tries, and only the host that was named.

What may be asked again is: a question that only reads, or one that was turned away (429) before it
did anything. Everything else is sent once: when its answer is lost, nobody knows here whether it was
done. Redirects are refused, because the secret would go with them; proxies of the environment are not
used. The secret is in no message.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, Self

import httpx

from portproof.contracts import Secrets
from portproof.errors import SettingsError, TicketError, TicketRefusedError
from portproof.model.ticket import TicketAccess

_HEADERS: Final = {
    "Accept": "application/json",
    # Nothing is unpacked: a small answer must not become a large one.
    "Accept-Encoding": "identity",
    "User-Agent": "portproof",
}
_MOST_BYTES: Final = 8 * 1024 * 1024
_MOST_TOLD: Final = 300
"""Characters of what a system says about a refusal."""
_REMEDIES: Final = {
    401: "check the user and the secret: they are missing, wrong, or have ended",
    403: "give the user the right to do this",
    404: "check the url, the project and the table",
    410: "check which product it is: this part of its interface has been taken away",
}
_TURNED_AWAY: Final = 429
_OF_ONE_TICKET: Final = frozenset({400, 403, 404, 409, 412, 413, 422})
"""Refusals of one request about one ticket; 401 and what is a server's own fault concern them all."""
_UNAVAILABLE: Final = frozenset({502, 503, 504})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What asking needs of this machine."""

    now: Callable[[], datetime]
    wait: Callable[[float], None]
    """Wait so many seconds."""
    secrets: Secrets
    answer_s: float = 30.0
    """Seconds for each part of an answer."""
    tries: int = 4
    """How often a question is asked that may be asked again."""
    longest_wait_s: float = 60.0
    """Seconds that one wait takes at most, whatever the system asks for."""


class Rest:
    """One ticket system's interface, as one user."""

    def __init__(self, access: TicketAccess, ground: Ground) -> None:
        """Make ready to ask; nothing is sent yet.

        Raises:
            TicketError: the secret or the certificates cannot be read.
        """
        self.url = access.url
        self._ground = ground
        self._client = httpx.Client(
            headers={**_HEADERS},
            auth=_authority(access, ground.secrets),
            timeout=ground.answer_s,
            verify=_trust(access),
            trust_env=False,
            follow_redirects=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, path: str, parameters: Mapping[str, str] | None = None) -> Any:
        """Read something; `path` is appended to the system's URL.

        Raises:
            TicketRefusedError: it is not given.
            TicketError: there is no answer, or none that can be read.
        """
        return self._asked("GET", path, parameters=parameters, again=True)

    def find(self, path: str, body: Mapping[str, Any]) -> Any:
        """Ask a question that is too long for a URL, and only reads.

        Raises:
            TicketError: as `get`.
        """
        return self._asked("POST", path, body=body, again=True)

    def send(self, method: str, path: str, body: Mapping[str, Any]) -> Any:
        """Change something, once; gives the answer, None for an empty one.

        Raises:
            TicketRefusedError: it was not done.
            TicketError: there is no answer that can be read: whether it was done is not known.
        """
        return self._asked(method, path, body=body, again=False)

    # ------------------------------------------------------------ one question

    def _asked(
        self,
        method: str,
        path: str,
        *,
        parameters: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        again: bool,
    ) -> Any:
        url = httpx.URL(f"{self.url}{path}")
        if parameters:
            url = url.copy_merge_params(dict(parameters))
        may_pass = {_TURNED_AWAY, *(_UNAVAILABLE if again else ())}
        status, headers, content = self._exchange(method, url, body)
        for _ in range(self._ground.tries - 1):
            if status not in may_pass:
                break
            self._ground.wait(self._pause_s(headers))
            status, headers, content = self._exchange(method, url, body)
        if httpx.codes.is_success(status):
            return self._read(content)
        raise self._refused(f"{method} {path}", status, headers, content)

    def _exchange(
        self, method: str, url: httpx.URL, body: Mapping[str, Any] | None
    ) -> tuple[int, httpx.Headers, bytes]:
        content = bytearray()
        # ASCII alone: no server has to guess an encoding, and no lone surrogate can stand in it.
        raw = None if body is None else json.dumps(body).encode("ascii")
        kind = {} if raw is None else {"Content-Type": "application/json"}
        with (
            self._told(),
            self._client.stream(method, url, content=raw, headers=kind) as answer,
        ):
            if answer.headers.get("content-encoding", "identity") != "identity":
                raise self._error("it answered compressed, unasked: turn that off there")
            for part in answer.iter_raw(65_536):
                content += part
                if len(content) > _MOST_BYTES:
                    raise self._error(f"it answered with more than {_MOST_BYTES:,} bytes")
        return answer.status_code, answer.headers, bytes(content)

    def _read(self, content: bytes) -> Any:
        if not content.strip():
            return None
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            raise self._error("it answered with something that is no JSON: check the url") from None

    def _pause_s(self, headers: httpx.Headers) -> float:
        """Give how long to wait, as RFC 9110 §10.2.3 lets a server say, in seconds or as a date."""
        said = headers.get("retry-after", "").strip()
        number = said.isascii() and said.isdecimal()
        asked = float(said[:6]) if number else self._until(said)
        return min(max(asked, 0.0), self._ground.longest_wait_s)

    def _until(self, said: str) -> float:
        try:
            at = parsedate_to_datetime(said)
        except ValueError:
            return 1.0
        held = at if at.tzinfo else at.replace(tzinfo=UTC)
        return (held - self._ground.now()).total_seconds()

    # ------------------------------------------------------------ what went wrong

    def _refused(
        self, what: str, status: int, headers: httpx.Headers, content: bytes
    ) -> TicketError:
        if httpx.codes.is_redirect(status):
            to = visible(headers.get("location", "elsewhere"))
            return self._error(f"it answered {status} towards {to}: name the final url")
        if status == _TURNED_AWAY:
            return self._error(f"it answered {status} each time: ask less often, or later")
        remedy = _REMEDIES.get(status, "see what it says, and its own log")
        said = visible(_said(content))
        told = f"{what}: it answered {status}{f' ({said})' if said else ''}: {remedy}"
        if status in _OF_ONE_TICKET:
            return TicketRefusedError(f"{self.url}: {told}", status)
        return self._error(told)

    def _error(self, problem: str) -> TicketError:
        return TicketError(f"{self.url}: {problem}")

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn the client's errors into ours."""
        try:
            yield
        except httpx.TimeoutException:
            waited = f"{self._ground.answer_s:g} s"
            raise self._error(
                f"it did not answer within {waited}: check that it is up and reachable"
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as fault:
            words = visible(str(fault) or type(fault).__name__)
            remedy = "check the url, and that it is up and reachable"
            if "CERTIFICATE" in words.upper():
                remedy = "name its certificate authority under 'ca'"
            raise self._error(f"{words}: {remedy}") from None


def visible(text: str) -> str:
    """Give what a server said as one short line in which every character can be seen."""
    kept = " ".join(text[: 4 * _MOST_TOLD].split())[:_MOST_TOLD]
    return kept if kept.isprintable() else "".join(map(_shown, kept))


def _shown(character: str) -> str:
    return character if character.isprintable() else ascii(character)[1:-1]


def _said(content: bytes) -> str:
    """Give what a refusal says: Jira's `errorMessages` and `errors`, ServiceNow's `error`."""
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(told, dict):
        return ""
    parts = [*_texts(told.get("errorMessages")), *_texts(told.get("errors"))]
    return "; ".join([*parts, *_texts(told.get("error"))])


def _texts(value: object) -> list[str]:
    match value:
        case str():
            return [value]
        case list():
            return [each for each in value if isinstance(each, str)]
        case dict():
            return [f"{name}: {each}" for name, each in value.items() if isinstance(each, str)]
        case _:
            return []


# ---------------------------------------------------------------- authority and trust


class _Bearer(httpx.Auth):
    """A token in its header; never printed."""

    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:  # type: ignore[override]
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


def _authority(access: TicketAccess, secrets: Secrets) -> httpx.Auth:
    try:
        secret = secrets(access.secret)
    except SettingsError as fault:
        raise TicketError(f"{access.url}: {fault}: set it, and try again") from None
    if not (secret.isascii() and secret.isprintable()):
        raise TicketError(f"{access.url}: the secret holds characters no secret has: check it")
    return httpx.BasicAuth(access.user, secret) if access.user else _Bearer(secret)


def _trust(access: TicketAccess) -> ssl.SSLContext:
    if not access.url.startswith("https:"):
        # Loading the system's certificates takes longer than most answers.
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        return ssl.create_default_context(cafile=None if access.ca is None else str(access.ca))
    except (OSError, ssl.SSLError) as fault:
        told = fault.strerror or str(fault)
        raise TicketError(
            f"{access.url}: the certificates of {access.ca} cannot be read: {told}: name a PEM file"
        ) from None
