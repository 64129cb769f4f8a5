from __future__ import annotations

import pytest

from playbook import play
from portproof.model.observation import Service
from portproof.probes.redis import INFO_SERVER, PING, Redis

INFO = b"# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n"


def test_pong_is_a_redis_that_anyone_may_use() -> None:
    played = play(Redis(), b"+PONG\r\n", b"$%d\r\n" % len(INFO), INFO)
    assert played.service == Service(
        "redis", "Redis 7.0.15", {"auth": "none", "mode": "standalone"}
    )
    assert played.sent == [PING, INFO_SERVER]


@pytest.mark.parametrize(
    "refusal",
    [
        b"-NOAUTH Authentication required.\r\n",
        b"-DENIED Redis is running in protected mode\r\n",
        b"-NOPERM this user has no permissions\r\n",
        b"-ERR operation not permitted\r\n",
    ],
)
def test_a_refusal_is_a_redis_that_is_locked(refusal: bytes) -> None:
    played = play(Redis(), refusal)
    assert played.service == Service("redis", attributes={"auth": "required"})
    assert played.sent == [PING]


def test_a_busy_redis_does_not_say_whether_it_is_locked() -> None:
    played = play(Redis(), b"-LOADING Redis is loading the dataset in memory\r\n")
    assert played.service == Service("redis", attributes={"auth": "unknown"})


def test_a_version_that_is_kept_back_leaves_the_product_empty() -> None:
    played = play(Redis(), b"+PONG\r\n", b"-NOPERM no\r\n")
    assert played.service == Service("redis", attributes={"auth": "none"})


def test_any_other_error_is_something_else() -> None:
    assert play(Redis(), b"-ERR unknown command 'HELO'\r\n").service is None
