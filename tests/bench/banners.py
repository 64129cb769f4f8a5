"""Conversations in bulk against asyncio's streams: the same dialogue, the same servers.

Two works, each over thousands of connections to 16 addresses of one namespace (AnyIP):

* **banners**: Redis behind a password is asked PING by the product's own dialogue, so that both
  sides make one turn per connection, and both cut it off with a time-out per turn;
* **certificates**: which certificate does the server show? Ours reads it in the clear from a hello
  made by hand, the peer makes a full handshake, as every TLS library must.

Each side is a process that is started once and asked for one round after the other, so that no
interpreter start is measured. Found is the number of each connection that gave the right answer.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

HERE = Path(__file__).resolve().parent
if __name__ == "__main__":
    sys.path[:0] = [str(HERE.parent)]

from comparison import Attempt, Comparison, compare  # noqa: E402 - after the path is set

from netns import Lab, end  # noqa: E402
from portproof.model.endpoint import Endpoint, Transport  # noqa: E402
from portproof.model.probe import Dialogue, ProbeContext, Turn  # noqa: E402
from portproof.probes import tls_hello  # noqa: E402
from portproof.probes.redis import Redis  # noqa: E402
from portproof.scan.conversations import Conversations  # noqa: E402
from portproof.scan.dialogue import Conversation  # noqa: E402
from servers.certificates import self_made  # noqa: E402

CONNECTIONS: Final = {"redis": 6_000, "tls": 2_000}
PORTS: Final = {"redis": 6379, "tls": 8443}
GOALS: Final = {"redis": 3.0, "tls": 3.0}
AT_ONCE: Final = 200
TIMEOUT_S: Final = 10.0
CONTEXT: Final = ProbeContext(host="10.88.0.0", port=0, nonce=bytes(16))


def banners(rounds: int) -> Comparison:
    """Redis PING over 6 000 connections: our engine, asyncio's streams."""
    return measured("redis", "banners, redis PING, against asyncio's streams", rounds)


def certificates(rounds: int) -> Comparison:
    """The certificate of 2 000 connections: read in the clear, a full handshake by asyncio."""
    return measured("tls", "certificates in the clear, against asyncio's handshakes", rounds)


COMPARISONS: Final = (banners, certificates)


def measured(work: str, name: str, rounds: int) -> Comparison:
    """Compare the two sides at one work."""
    with Lab() as lab, tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        wanted = serve(lab, Path(folder))
        sides = [stack.enter_context(side(lab, each, work, wanted)) for each in ("ours", "peer")]
        return compare(
            name,
            sides[0],
            sides[1],
            truth=list(range(CONNECTIONS[work])),
            goal=GOALS[work],
            rounds=rounds,
        )


def serve(lab: Lab, folder: Path) -> str:
    """Start Redis and nginx where every address of 10.88.0.0/16 is theirs; gives the fingerprint."""
    lab.run(lab.client, ["ip", "route", "add", "local", "10.88.0.0/16", "dev", "lo"])
    redis = ["redis-server", "--port", str(PORTS["redis"]), "--bind", "0.0.0.0", "--save", ""]
    redis += ["--requirepass", "only-here", "--dir", str(folder), "--maxclients", "1000"]
    lab.serve(lab.client, redis, port=PORTS["redis"])
    pair = self_made(folder)
    configuration = folder / "nginx.conf"
    configuration.write_text(
        f"daemon off; pid {folder}/pid; error_log /dev/null; worker_processes 1;\n"
        "events { worker_connections 2048; }\n"
        f"http {{ access_log off; server {{ listen {PORTS['tls']} ssl backlog=1024;\n"
        f"ssl_certificate {pair.certificate}; ssl_certificate_key {pair.key}; }} }}\n",
        encoding="utf-8",
    )
    lab.serve(lab.client, ["nginx", "-c", str(configuration)], port=PORTS["tls"])
    der = ssl.PEM_cert_to_DER_cert(pair.certificate.read_text("ascii"))
    return hashlib.sha256(der).hexdigest()


@contextmanager
def side(lab: Lab, name: str, work: str, wanted: str) -> Iterator[Attempt]:
    """Keep the process of one side ready; an attempt is one round."""
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = lab.popen(lab.client, [sys.executable, __file__, name, work, wanted], **pipes)
    asks, answers = process.stdin, process.stdout
    assert asks is not None
    assert answers is not None

    def attempt() -> list[int]:
        asks.write("go\n")
        asks.flush()
        found: list[int] = json.loads(answers.readline())
        return found

    try:
        answers.readline()
        yield attempt
    finally:
        end(process)


# ------------------------------------------------------------ inside a side's process


def main() -> None:
    """Do one round for each line that comes in."""
    name, work, wanted = sys.argv[1:]
    endpoints = [
        Endpoint(ip_address(f"10.88.0.{number % 16}"), Transport.TCP, PORTS[work])
        for number in range(CONNECTIONS[work])
    ]
    rounds: dict[tuple[str, str], Callable[[], list[str]]] = {
        ("ours", "redis"): lambda: ours(endpoints, redis),
        ("ours", "tls"): lambda: ours(endpoints, certificate),
        ("peer", "redis"): lambda: peer(endpoints, stream_redis),
        ("peer", "tls"): lambda: peer(endpoints, stream_certificate),
    }
    one_round = rounds[name, work]
    right = {"redis": "required", "tls": wanted}[work]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for _ in sys.stdin:
        found = [number for number, said in enumerate(one_round()) if said == right]
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()


def redis() -> Dialogue:
    """The product's dialogue with Redis."""
    return Redis().dialogue(CONTEXT)


def certificate() -> Dialogue:
    """The product's hello by hand."""
    return tls_hello.hold(CONTEXT)


def ours(endpoints: list[Endpoint], dialogue: Callable[[], Dialogue]) -> list[str]:
    """Hold all conversations with our engine, some at a time."""
    answers = [""] * len(endpoints)
    conversations = Conversations(time.monotonic)
    begun = 0

    def took(number: int, conversation: Conversation) -> None:
        service = conversation.service
        if service is not None and service.tls is not None:
            leaf = service.tls.certificate
            answers[number] = leaf.sha256 if leaf else ""
        elif service is not None:
            answers[number] = service.attributes.get("auth", "")

    while begun < len(endpoints) or len(conversations):
        while begun < len(endpoints) and len(conversations) < AT_ONCE:
            conversations.open(
                endpoints[begun],
                lambda _: dialogue(),
                partial(took, begun),
                timeout_s=TIMEOUT_S,
            )
            begun += 1
        conversations.attend(0.05)
    conversations.close()
    return answers


def peer(endpoints: list[Endpoint], ask: Callable[[str, int], Awaitable[str]]) -> list[str]:
    """Hold all conversations with asyncio, as many at a time."""
    answers = [""] * len(endpoints)
    left = iter(enumerate(endpoints))

    async def work() -> None:
        for number, endpoint in left:
            answers[number] = await ask(str(endpoint.address), endpoint.port)

    async def crew() -> None:
        await asyncio.gather(*(work() for _ in range(AT_ONCE)))

    asyncio.run(crew())
    return answers


async def stream_redis(host: str, port: int) -> str:
    """Hold the product's dialogue over asyncio's streams, with a time-out for each step."""
    async with asyncio.timeout(TIMEOUT_S):
        reader, writer = await asyncio.open_connection(host, port)
    dialogue = redis()
    reply: bytes | None = None
    try:
        while True:
            step = dialogue.send(reply)
            assert isinstance(step, Turn)
            assert step.until is not None
            writer.write(step.payload)
            async with asyncio.timeout(TIMEOUT_S):
                reply = await reader.readuntil(step.until)
    except StopIteration as ended:
        return str(ended.value.attributes["auth"]) if ended.value else ""
    finally:
        writer.close()
        await writer.wait_closed()


async def stream_certificate(host: str, port: int) -> str:
    """Make a full handshake over asyncio's streams; gives the certificate's fingerprint."""
    async with asyncio.timeout(TIMEOUT_S):
        _, writer = await asyncio.open_connection(host, port, ssl=TRUSTING)
    der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    # Not closed in TLS's own way, which would take one more exchange.
    writer.transport.abort()
    return hashlib.sha256(der).hexdigest()


def trusting() -> ssl.SSLContext:
    """A client that takes any certificate, as a scanner has to."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


TRUSTING: Final = trusting()

if __name__ == "__main__":
    main()
