from __future__ import annotations

from playbook import FACTS, play
from portproof.model.observation import Service
from portproof.model.probe import StartTls
from portproof.probes.postgresql import SSL_REQUEST, STARTUP_255, Postgresql


def error(**fields: str) -> bytes:
    body = b"".join(kind.encode() + text.encode() + b"\0" for kind, text in fields.items()) + b"\0"
    return b"E" + (len(body) + 4).to_bytes(4) + body


REFUSAL = error(
    S="FATAL",
    V="FATAL",
    C="0A000",
    M="unsupported frontend protocol 255.0: server supports 3.0 to 3.0",
)


def test_no_tls_and_the_version_error_is_postgresql_in_clear_text() -> None:
    played = play(Postgresql(), b"N", REFUSAL)
    assert played.service == Service(
        "postgresql",
        attributes={"tls": "not offered", "protocol": "3.0 to 3.0", "error": "0A000"},
    )
    assert played.sent == [SSL_REQUEST, STARTUP_255]


def test_tls_that_is_offered_is_taken_up_for_its_certificate() -> None:
    played = play(Postgresql(), b"S", FACTS, REFUSAL)
    assert played.service is not None
    assert played.service.tls == FACTS
    assert played.service.attributes["tls"] == "offered"
    assert StartTls() in played.steps


def test_more_than_one_byte_is_no_answer_to_the_request() -> None:
    played = play(Postgresql(), b"SSH-2.0-x\r\n")
    assert played.service is None
    assert played.sent == [SSL_REQUEST]


def test_one_byte_alone_proves_nothing() -> None:
    assert play(Postgresql(), b"N", b"").service is None
    assert play(Postgresql(), b"S", None).service is None


def test_an_error_whose_length_is_wrong_is_no_error_response() -> None:
    assert play(Postgresql(), b"N", REFUSAL + b"x").service is None


def test_an_error_in_another_tongue_is_recognised_without_its_versions() -> None:
    played = play(Postgresql(), b"N", error(S="FATAL", C="0A000", M="nicht unterstützt"))
    assert played.service == Service(
        "postgresql", attributes={"tls": "not offered", "error": "0A000"}
    )


def test_no_user_name_is_sent() -> None:
    assert bytes.fromhex("0000000900ff000000") == STARTUP_255
