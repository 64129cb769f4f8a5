"""Asking services over HTTP: bounded in bytes, time and questions, and only the host that was named.

A redirect or a `next` link to another host is refused, because the token would go there with it;
a token is never sent unencrypted, except to this machine itself. Proxies of the environment are not
used: no packet goes anywhere that the document does not name.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any, Final, Self

import httpx

from portproof.errors import SettingsError
from portproof.model.source import WebOptions
from portproof.sources.files import decoded, json_of
from portproof.sources.gathering import Gathering, line

_HEADERS: Final = {
    "Accept": "application/json",
    # Nothing is unpacked: a small answer must not become a large one.
    "Accept-Encoding": "identity",
    "User-Agent": "portproof",
}
_WORDS: Final = {
    401: "check the token: it is missing, wrong or has ended",
    403: "give the token the right to list this",
    404: "check the URL",
    410: "fetch again: the list changed while it was read",
    429: "wait, and ask less often (refresh_s)",
}


class Web:
    """One service, for the time of one fetch."""

    def __init__(self, gathering: Gathering, options: WebOptions, scheme: str = "Bearer") -> None:
        """Make ready to ask; nothing is sent yet. `scheme` comes before the token in its header."""
        self._gathering = gathering
        self._options = options
        self._base = httpx.URL(options.url)
        self._asked = 0
        gathering.reading(options.url)
        self._client = httpx.Client(
            headers={**_HEADERS, **self._authority(scheme)},
            timeout=gathering.ground.limits.answer_s,
            verify=self._trust(),
            trust_env=False,
            follow_redirects=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def json(self, path: str = "", parameters: Mapping[str, str] | None = None) -> Any:
        """Ask for one answer and parse it; `path` is appended to the source's URL.

        Raises:
            SourceError: there is no answer, it is none of 200, no JSON, too large, or too late.
        """
        base = str(self._base).rstrip("/") if path else str(self._base)
        return self._json(httpx.URL(f"{base}{path}").copy_merge_params(dict(parameters or {})))

    def follow(self, link: str) -> Any:
        """Ask for the page that an answer names.

        Raises:
            SourceError: as `json`, or it is on another host.
        """
        target = self._base.join(link)
        if (target.scheme, target.host, target.port) != _origin(self._base):
            raise self._gathering.error(
                f"its next page is on another host ({line(target.host)})",
                "name that host as the source's URL, if it is the right one",
            )
        return self._json(target)

    # ------------------------------------------------------------ one question

    def _json(self, url: httpx.URL) -> Any:
        gathering = self._gathering
        gathering.reading(str(url.copy_with(username=None, password=None)))
        self._asked += 1
        if self._asked > gathering.ground.limits.requests:
            raise gathering.error("it has too many pages", "ask for less, or split the source")
        return json_of(gathering, decoded(gathering, self._body(url)))

    def _body(self, url: httpx.URL) -> bytes:
        gathering, most = self._gathering, self._gathering.ground.limits.bytes
        body = bytearray()
        with self._told(), self._client.stream("GET", url) as answer:
            self._require_plain(answer)
            for part in answer.iter_raw(65_536):
                body += part
                gathering.go_on()
                if len(body) > most:
                    raise gathering.error(f"it answers with more than {most:,} bytes", "ask less")
        return bytes(body)

    def _require_plain(self, answer: httpx.Response) -> None:
        if answer.status_code != httpx.codes.OK:
            to = answer.headers.get("location", "")
            moved = f" towards {to}" if to else ""
            remedy = _WORDS.get(answer.status_code, "look into the service's own log")
            if answer.is_redirect:
                remedy = "name the final URL: redirects are not followed"
            raise self._gathering.error(f"it answered {answer.status_code}{moved}", remedy)
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise self._gathering.error("it answered compressed, unasked", "turn that off there")

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn the client's errors into ours."""
        try:
            yield
        except httpx.TimeoutException:
            waited = self._gathering.ground.limits.answer_s
            problem = f"it did not answer within {waited:g} s"
            raise self._gathering.error(problem, "check that it is up and reachable") from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as fault:
            words = str(fault) or type(fault).__name__
            remedy = "check the URL, and that it is up and reachable"
            if "CERTIFICATE" in words.upper():
                remedy = "name its certificate authority under 'ca'"
            raise self._gathering.error(words, remedy) from None

    # ------------------------------------------------------------ authority and trust

    def _authority(self, scheme: str) -> dict[str, str]:
        reference = self._options.token
        if reference is None:
            return {}
        if self._base.scheme != "https" and not _is_here(self._base.host):
            problem = "the token would be sent unencrypted"
            raise self._gathering.error(problem, "use https, or leave the token out")
        try:
            secret = self._gathering.ground.secrets(reference)
        except SettingsError as fault:
            raise self._gathering.error(str(fault), "set it, and fetch again") from None
        if not (secret.isascii() and secret.isprintable()):
            raise self._gathering.error("the token holds characters no token has", "check it")
        return (
            {scheme: secret} if scheme.startswith("X-") else {"Authorization": f"{scheme} {secret}"}
        )

    def _trust(self) -> ssl.SSLContext:
        if self._base.scheme != "https":
            # Loading the system's certificates takes longer than most answers.
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        ca = self._options.ca
        try:
            return ssl.create_default_context(cafile=None if ca is None else str(ca))
        except (OSError, ssl.SSLError) as fault:
            problem = f"the certificates of {ca} cannot be read: {fault.strerror or fault}"
            raise self._gathering.error(problem, "name a PEM file") from None


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
