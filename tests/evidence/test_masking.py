from __future__ import annotations

import time

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from factories import certificate, tls
from portproof.evidence.masking import mask, mask_service, mask_text
from portproof.model.observation import Identification, Service

# Invented keys; put together here so that no scanner of this repository mistakes them for real.
JWT = b"eyJhbGciOiJIUzI1NiJ9." + b"eyJzdWIiOiIxMjM0In0." + b"c2lnbmF0dXJl"
CARD = "4111111111111111"
AWS = b"AKIA" + b"IOSFODNN7EXAMPLE"
GITHUB = b"ghp_" + b"a1B2" * 9
SLACK = b"xoxb-" + b"1234567890-abcdef"
PEM = b"-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc=\n-----END RSA PRIVATE KEY-----\n"


@st.composite
def cards(draw: st.DrawFn) -> bytes:
    """A Luhn-valid number of a payment card's length and issuer, with separators or without."""
    digits = draw(st.lists(st.integers(0, 9), min_size=11, max_size=17))
    digits.insert(0, draw(st.integers(2, 6)))
    digits.append(luhn_digit(digits))
    separator = draw(st.sampled_from(["", " ", "-"]))
    text = "".join(map(str, digits))
    groups = [text[at : at + 4] for at in range(0, len(text), 4)]
    return separator.join(groups).encode()


def luhn_digit(digits: list[int]) -> int:
    doubled = (sum(divmod(2 * each, 10)) for each in digits[::-1][::2])
    return -(sum(doubled) + sum(digits[::-1][1::2])) % 10


NO_DIGITS = st.binary(max_size=40).map(
    lambda data: bytes(each for each in data if not 0x30 <= each <= 0x39)
)


@given(card=cards(), before=NO_DIGITS, after=NO_DIGITS)
def test_a_card_number_is_masked_in_any_surroundings_without_digits(
    card: bytes, before: bytes, after: bytes
) -> None:
    assert card not in mask(before + card + after).data


@given(st.binary(max_size=400))
@example(JWT + b" " + PEM + b"password=4111 1111 1111 1111")
@example(b"AKIA" + b"4" * 40)
def test_masking_keeps_the_length_and_masking_again_changes_nothing(data: bytes) -> None:
    once = mask(data)
    assert len(once.data) == len(data)
    assert mask(once.data) == type(once)(once.data, 0, ())


@given(
    st.lists(
        st.sampled_from(
            [
                b"password=",
                b"token: ",
                b"Cookie: a",
                b"\r\n",
                b" ",
                b"AKIA",
                b"4111111111111111",
                b"1111",
                b"://u:",
                b"@h",
                b"-----BEGIN PRIVATE KEY-----",
                b"-----END",
                b"eyJabcdefgh",
                b".",
                b"Bearer ",
                b"0123456789abcdef",
                b'"',
                b"-",
            ]
        ),
        max_size=30,
    ).map(b"".join)
)
def test_secrets_side_by_side_are_all_masked_at_once(data: bytes) -> None:
    assert mask(mask(data).data).count == 0


@given(st.text(alphabet="abcdefghij \r\n.,(){}/", max_size=300))
def test_text_without_secrets_is_unchanged(text: str) -> None:
    assert mask_text(text) == (text, 0)


@pytest.mark.parametrize(
    "innocent",
    [
        b"220 mail.example ESMTP Postfix (Debian/GNU)\r\n",
        b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer realm="api"\r\n\r\n',
        b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10\r\n",
        b'<input name="password" type="password">',
        b"Password:\r\n",
        b"Date: Sat, 21 Nov 2026 07:56:02 GMT\r\nContent-Length: 153\r\n",
        b"order 4111111111111112 (not Luhn)",
        b"41111111111111111111111111111111",
        b"1700000000000",
        b"0000000000000000",
        b"https://shop.example:8443/path@2",
    ],
)
def test_what_only_resembles_a_secret_is_kept(innocent: bytes) -> None:
    assert mask(innocent).data == innocent


@pytest.mark.parametrize(
    ("data", "hidden", "kind"),
    [
        (b"Authorization: Basic dXNlcjpwYXNz\r\n", b"dXNlcjpwYXNz", "credential"),
        (b"x\r\nProxy-Authorization: Basic abc\r\n", b"abc", "credential"),
        (b"HTTP/1.1 200 OK\r\nset-cookie: session=s3cr3t; Path=/\r\n", b"s3cr3t", "credential"),
        (b"db_password=hunter2&x=1", b"hunter2", "credential"),
        (b'{"passwd": "hunter2"}', b"hunter2", "credential"),
        (b"API-Key: hunter2", b"hunter2", "credential"),
        (b"csrf_token=hunter2", b"hunter2", "credential"),
        (b"aws_secret_access_key = hunter2/x", b"hunter2/x", "credential"),
        (b"redis://user:hunter2@db.example/0", b"hunter2", "credential"),
        (b"jwt " + JWT, JWT, "token"),
        (b"Bearer 0123456789abcdefghij", b"0123456789abcdefghij", "token"),
        (b"key " + AWS, AWS, "token"),
        (b"x" + GITHUB, GITHUB, "token"),
        (b"hook " + SLACK, SLACK, "token"),
        (PEM, b"MIIE", "private-key"),
        (PEM[:40], b"MIIE", "private-key"),
        (b"paid with 4111 1111 1111 1111 exp 2027", b"4111 1111 1111 1111", "card"),
        (b"378282246310005", b"378282246310005", "card"),
    ],
)
def test_a_secret_is_masked_and_its_kind_recorded(data: bytes, hidden: bytes, kind: str) -> None:
    masked = mask(data)
    assert hidden not in masked.data
    assert (masked.count, masked.kinds) == (1, (kind,))


def test_a_card_is_found_beside_its_expiry_year() -> None:
    assert mask(b"4111111111111111 2027").data == b"*" * 16 + b" 2027"


def test_the_name_of_what_was_masked_stays_readable() -> None:
    assert mask(b"Set-Cookie: a=b\r\n").data == b"Set-Cookie: ***\r\n"
    assert mask(PEM).data.startswith(b"-----BEGIN RSA PRIVATE KEY-----***")


def test_two_secrets_in_one_place_count_as_one() -> None:
    assert mask(b"password=4111111111111111").count == 1


def test_what_a_peer_says_of_itself_is_masked_too() -> None:
    service = Service(
        "http",
        "x/1 token=hunter2",
        {"location": "https://u:hunter2@shop.example/", "status": "302"},
        Identification.PROTOCOL,
    )
    masked, count = mask_service(service)
    assert count == 2
    assert "hunter2" not in f"{masked.product} {masked.attributes}"
    assert masked.attributes["status"] == "302"


@pytest.mark.parametrize(
    "unit",
    [b"eyJ", b"eyJaaaaaaaa.", b"1 ", b"12 34-", b"://", b"://a:", b"password", b"token=", b"cookie:",
     b"cookie:\n", b"-----BEGIN PRIVATE KEY-----", b"bearer ", b"bearer aaaaaaaaaaaaaaaa", b"xoxb-",
     b"4", b" ", b"4111111111111111 ", b"4111 ", b"secret_access_", b"AIza", b"ghp_"],
)  # fmt: skip
def test_no_input_makes_masking_slow(unit: bytes) -> None:
    """Eight times the input: a linear pattern costs 8 times as much, a quadratic one 64 times."""
    small, large = (unit * (size // len(unit)) for size in (1 << 15, 1 << 18))
    assert _cost_s(large) < 24 * _cost_s(small) + 0.1


def _cost_s(data: bytes) -> float:
    def once() -> float:
        begun = time.process_time()
        mask(data)
        return time.process_time() - begun

    return min(once() for _ in range(2))


@given(data=st.binary(max_size=200))
def test_every_masked_byte_is_a_star_and_every_other_is_untouched(data: bytes) -> None:
    assume(data)
    masked = mask(data + b" token=hunter2 ").data
    assert all(
        kept in (was, ord("*")) for kept, was in zip(masked, data + b" token=hunter2 ", strict=True)
    )


def test_what_a_certificate_says_is_masked_like_any_other_text() -> None:
    leaf = certificate(subject=f"CN={CARD}", names=(f"{CARD}.example.com", "www.example.com"))
    service, count = mask_service(Service("https", tls=tls(leaf)))
    assert service.tls is not None
    assert service.tls.certificate is not None
    assert CARD not in str(service.tls)
    assert service.tls.certificate.names[1] == "www.example.com"
    assert count == 2


@pytest.mark.parametrize(
    ("said", "left"),
    [
        (b"Authorization: Basic dXNlcjpwYXNzd29yZA==", b"Authorization: "),
        (b"send Basic dXNlcjpwYXNzd29yZA== now", b"send Basic "),
        (b"GET /?session=abcdef0123456789", b"GET /?session="),
        (b"JSESSIONID=0A1B2C3D4E5F", b"JSESSIONID="),
    ],
)
def test_session_ids_and_basic_credentials_are_masked(said: bytes, left: bytes) -> None:
    masked = mask(said)
    assert masked.count == 1
    assert masked.data.startswith(left + b"*")


@pytest.mark.parametrize(
    "said", [b"Basic authentication required", b'Basic realm="staff"', b"inside: yes"]
)
def test_words_that_only_resemble_a_credential_stay(said: bytes) -> None:
    assert mask(said).data == said


@pytest.mark.parametrize("said", [b"Pass: s3cr3t", b"pass=s3cr3t", b"PWD: s3cr3t"])
def test_a_password_by_its_short_name_is_masked(said: bytes) -> None:
    assert b"s3cr3t" not in mask(said).data


def test_what_only_ends_in_pass_is_no_password() -> None:
    assert mask(b"bypass: yes").count == 0
