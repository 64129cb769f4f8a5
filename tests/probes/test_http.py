from __future__ import annotations

from playbook import context, play
from portproof.model.observation import Service
from portproof.probes.http import Http


def test_a_status_line_is_http_and_the_server_header_its_product() -> None:
    played = play(Http(), b"HTTP/1.1 404 Not Found\r\nServer: nginx/1.22.1\r\n\r\n")
    assert played.service == Service("http", "nginx/1.22.1", {"version": "1.1", "status": "404"})


def test_the_host_header_is_the_address_with_a_port_that_is_not_80() -> None:
    (sent,) = play(Http()).sent
    assert sent.startswith(b"GET / HTTP/1.1\r\nHost: 192.0.2.7:4711\r\n")
    assert sent.endswith(b"\r\nConnection: close\r\n\r\n")


def test_an_ipv6_address_stands_in_brackets() -> None:
    sent = play(Http(), where=context(host="2001:db8::7", port=80)).sent
    assert b"\r\nHost: [2001:db8::7]\r\n" in sent[0]


def test_the_name_that_was_listed_is_asked_for() -> None:
    sent = play(Http(), where=context(name="shop.example", port=80)).sent
    assert b"\r\nHost: shop.example\r\n" in sent[0]


def test_a_login_that_is_asked_for_shows_its_scheme_and_not_its_realm() -> None:
    played = play(Http(), b'HTTP/1.0 401 x\r\nWWW-Authenticate: Basic realm="staff"\r\n\r\n')
    assert played.service == Service(
        "http", "", {"version": "1.0", "status": "401", "auth": "basic"}
    )


def test_a_redirect_shows_where_to() -> None:
    played = play(Http(), b"HTTP/1.1 301 Moved\r\nlocation: https://shop.example/\r\n\r\n")
    assert played.service is not None
    assert played.service.attributes["location"] == "https://shop.example/"


def test_a_page_with_a_password_field_is_a_login_form() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    page = b"<form><input name='u'><INPUT name=p TYPE='password'></form>"
    played = play(Http(), head, page)
    assert played.service is not None
    assert played.service.attributes["login"] == "form"


def test_only_a_page_is_read_and_no_other_body() -> None:
    played = play(Http(), b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n", b"{}")
    assert len(played.steps) == 1


def test_a_line_that_only_resembles_http_is_not() -> None:
    assert play(Http(), b"HTTP is not spoken here\r\n\r\n").service is None
    assert play(Http(), b"RTSP/1.0 200 OK\r\n\r\n").service is None
    assert play(Http(), b"HTTP/1.1 20 OK\r\n\r\n").service is None


def test_an_empty_challenge_is_survived() -> None:
    played = play(Http(), b"HTTP/1.1 401 x\r\nWWW-Authenticate: \r\n\r\n")
    assert played.service is not None
    assert "auth" not in played.service.attributes
