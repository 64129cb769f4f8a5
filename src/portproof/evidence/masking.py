"""Secrets in captured bytes are masked before anything is stored; digests cover the masked form.

A banner or an error page can hold what nobody wanted there: a card number, a cookie, a key. An
audit tool that kept it would widen the very scope it audits (PCI DSS v4.0.1 §3.3, §3.5.1). So
every captured byte goes through `mask` first, and how many secrets were masked is recorded.

The masked form has the same length, with `*` in place of each secret, and masking it again changes
nothing. All patterns look at the same bytes, their hits are united and overwritten together; this
is repeated until nothing is found, because one masked secret may lay another bare beside it.

Every pattern is linear in the length of its input: repetitions are bounded, or possessive and
unable to match what follows them. Sources: ISO/IEC 7812-1 (card numbers, Luhn), RFC 9110 §11.6
(credentials), RFC 6265 (cookies), RFC 3986 §3.2.1 (userinfo), RFC 6750 (bearer tokens), RFC 7519
(JWT), RFC 7468 (PEM); the issuers' own documents for the prefixes of their tokens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, TypeAlias

from portproof.model.observation import Certificate, Service

MASK: Final = b"*"
SHORTEST_CARD: Final = 13
LONGEST_CARD: Final = 19
UATP_LENGTH: Final = 15

Span: TypeAlias = tuple[int, int, str]
"""Start, end, kind."""


@dataclass(frozen=True, slots=True)
class Masked:
    """Bytes without their secrets: of the same length as before, how many, and of which kinds."""

    data: bytes
    count: int
    kinds: tuple[str, ...]
    """Sorted: `card`, `credential`, `private-key`, `token`."""


# Digit groups joined by single spaces or dashes, not inside a longer number.
_DIGITS: Final = re.compile(rb"(?<!\d)\d++(?:[ -]\d++)*+")
_GROUP: Final = re.compile(rb"\d+")
# Major industry 3 to 6 and Mastercard's and Mir's 2 series; RuPay 81/82, Troy 9792; UATP 1.
_ISSUER: Final = re.compile(rb"[2-6]|8[12]|9792")

# Each pattern masks its group 1.
_PATTERNS: Final[tuple[tuple[str, re.Pattern[bytes]], ...]] = (
    (
        "credential",
        re.compile(
            rb"^(?:(?:proxy-)?authorization|(?:set-)?cookie2?)[ \t]{0,8}:[ \t]{0,8}([^\r\n]++)",
            re.IGNORECASE | re.MULTILINE,
        ),
    ),
    (
        "credential",
        re.compile(
            rb"(?:pass(?:word|wd|phrase)|(?<![a-z])(?:pass|pwd)|api[_-]?key|secret(?:[_-]?(?:access[_-]?)?key)?"
            rb"|private[_-]?key|token|(?<![a-z])(?:session(?:[_-]?id)?|jsessionid|phpsessid|sid))[\"']?[ \t]{0,4}[:=][ \t]{0,4}[\"']?([^\s\"'&;,<>]++)",
            re.IGNORECASE,
        ),
    ),
    # The userinfo of a URL, from the colon on: scheme://user:HERE@host.
    ("credential", re.compile(rb"://[^\s/@:\"'<>]{0,128}:([^\s/@\"'<>]{1,256})@")),
    ("token", re.compile(rb"(eyJ[\w-]{8,1024}+\.[\w-]{4,}+\.[\w-]*+)", re.ASCII)),
    (
        "token",
        re.compile(
            rb"\bbearer[ \t]{1,4}((?=[A-Za-z._~+/-]{0,128}[0-9])[A-Za-z0-9._~+/-]{16,}+=*+)",
            re.IGNORECASE,
        ),
    ),
    # RFC 7617: base64 of user and password; a plain word after "basic" is none.
    (
        "credential",
        re.compile(
            rb"\b[Bb]asic[ \t]{1,4}((?=[A-Za-z0-9+/]{0,128}(?:[0-9+/=]|[a-z][A-Z]))"
            rb"[A-Za-z0-9+/]{8,}+={0,2}+)"
        ),
    ),
    # AWS, GitHub, Slack, Google, Stripe, GitLab: prefixes that their issuers document.
    ("token", re.compile(rb"((?:AKIA|ASIA)[0-9A-Z]{16})")),
    ("token", re.compile(rb"(gh[pousr]_[A-Za-z0-9]{36,251}|github_pat_\w{22,251})", re.ASCII)),
    ("token", re.compile(rb"(xox[abeoprs]-[A-Za-z0-9-]{10,}+)")),
    ("token", re.compile(rb"(AIza[\w-]{35})", re.ASCII)),
    ("token", re.compile(rb"([rs]k_live_[A-Za-z0-9]{16,251})")),
    ("token", re.compile(rb"(glpat-[\w-]{20,251})", re.ASCII)),
)
_PRIVATE_KEY: Final = re.compile(rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_END: Final = b"-----END"


# What every secret holds, of whatever kind: thirteen digits, a colon or equals sign, or a prefix.
_HINT: Final = re.compile(
    rb"\d(?:[ -]?\d){12}|[:=]|eyJ|bearer|basic|A[KS]IA|gh[pousr]_|github_pat_|xox|AIza|k_live_|glpat-"
    rb"|-----BEGIN",
    re.IGNORECASE,
)


def mask(data: bytes) -> Masked:
    """Overwrite every secret with `*`; the same bytes, and count 0, when there is none."""
    if not _HINT.search(data):
        return Masked(data, 0, ())
    count = 0
    kinds: set[str] = set()
    while spans := _united(span for span in _spans(data) if _is_bare(data, span)):
        hidden = bytearray(data)
        for start, end, _ in spans:
            hidden[start:end] = MASK * (end - start)
        count += len(spans)
        kinds.update(kind for _, _, kind in spans)
        data = bytes(hidden)
    return Masked(data, count, tuple(sorted(kinds)))


@lru_cache(maxsize=256)  # what servers say of themselves is mostly what others said
def mask_text(text: str) -> tuple[str, int]:
    """Mask a text; gives it, and how many secrets it held."""
    masked = mask(text.encode(errors="replace"))
    return (masked.data.decode(errors="replace"), masked.count) if masked.count else (text, 0)


def mask_service(service: Service) -> tuple[Service, int]:
    """Mask what a peer said of itself; gives the service, and how many secrets it held."""
    product, count = mask_text(service.product)
    attributes = {}
    for name, value in service.attributes.items():
        attributes[name], found = mask_text(value)
        count += found
    tls = service.tls
    if tls is not None and tls.certificate is not None:
        certificate, found = mask_certificate(tls.certificate)
        tls = replace(tls, certificate=certificate)
        count += found
    return Service(service.name, product, attributes, service.identified_by, tls), count


def mask_certificate(shown: Certificate) -> tuple[Certificate, int]:
    """Mask a certificate's texts (whoever made it wrote what they liked); gives how many secrets."""
    subject, in_subject = mask_text(shown.subject)
    issuer, in_issuer = mask_text(shown.issuer)
    names = [mask_text(name) for name in shown.names]
    masked = replace(shown, subject=subject, issuer=issuer, names=tuple(name for name, _ in names))
    return masked, in_subject + in_issuer + sum(found for _, found in names)


def _spans(data: bytes) -> Iterator[Span]:
    for number in _DIGITS.finditer(data):
        yield from _cards(number)
    for kind, pattern in _PATTERNS:
        for found in pattern.finditer(data):
            yield (*found.span(1), kind)
    yield from _private_keys(data)


def _cards(number: re.Match[bytes]) -> Iterator[Span]:
    """Find card numbers among digit groups: any run of whole groups may be one.

    So a card is found beside an expiry year too; a longer number without separators is none.
    """
    # Copied once: a match gives a new copy each time it is asked, as long as the captured bytes.
    text = number[0]
    groups = [group.span() for group in _GROUP.finditer(text)]
    first = 0
    while first < len(groups):
        last = _card_from(text, groups, first)
        if last is not None:
            yield number.start() + groups[first][0], number.start() + groups[last][1], "card"
        first = first + 1 if last is None else last + 1


def _card_from(text: bytes, groups: list[tuple[int, int]], first: int) -> int | None:
    """Give the last group of the longest card number that begins with group `first`."""
    digits = b""
    longest = None
    for last in range(first, len(groups)):
        start, end = groups[last]
        if len(digits) + end - start > LONGEST_CARD:
            break
        digits += text[start:end]
        if _is_card(digits):
            longest = last
    return longest


def _is_card(digits: bytes) -> bool:
    if not SHORTEST_CARD <= len(digits) <= LONGEST_CARD:
        return False
    airline = digits.startswith(b"1") and len(digits) == UATP_LENGTH
    return bool(airline or _ISSUER.match(digits)) and _luhn(digits)


def _luhn(digits: bytes) -> bool:
    """Check the Luhn digit (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = (digit - ord("0")) << (place & 1)
        total += value - 9 if value > 9 else value  # noqa: PLR2004 - the sum of its digits
    return total % 10 == 0


def _private_keys(data: bytes) -> Iterator[Span]:
    """Find the bodies of PEM private keys; one without an end reaches to the end of the bytes."""
    position = 0
    while begin := _PRIVATE_KEY.search(data, position):
        end = data.find(_END, begin.end())
        end = len(data) if end < 0 else end
        yield begin.end(), end, "private-key"
        position = end


def _is_bare(data: bytes, span: Span) -> bool:
    return data.count(MASK, span[0], span[1]) < span[1] - span[0]


def _united(spans: Iterator[Span]) -> list[Span]:
    """Join overlapping spans; a joined one takes the kind of its first part."""
    united: list[Span] = []
    for start, end, kind in sorted(spans):
        if united and start < united[-1][1]:
            first, reached, named = united[-1]
            united[-1] = (first, max(reached, end), named)
        else:
            united.append((start, end, kind))
    return united
