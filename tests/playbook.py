"""Play a dialogue without a socket: a list of replies in, the steps and the result out.

    played = play(Redis(), b"+PONG\r\n", b"$-1\r\n")
    assert played.sent == [PING, INFO]
    assert played.service == Service("redis", attributes={"auth": "none"})

Replies are handed out in order; when they run out the peer is silent (b"", or no TLS). A turn that
asks for less than a reply holds gets that much of it and the next turn the rest, as the driver does.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from portproof.model.observation import Service, TlsFacts
from portproof.model.probe import Dialogue, Probe, ProbeContext, StartTls, Step, Turn

NONCE = bytes(range(1, 17))
# More steps than any probe needs, even against a peer that never ends its reply.
MOST_STEPS = 1_000

FACTS = TlsFacts(version="TLSv1.3", cipher="TLS_AES_256_GCM_SHA384", certificate=None)


@dataclass(slots=True)
class Played:
    """What a dialogue did: its steps in order, and what it recognised."""

    service: Service | None = None
    steps: list[Step] = field(default_factory=list)

    @property
    def sent(self) -> list[bytes]:
        """The payloads, without the turns that only listened."""
        return [step.payload for step in self.steps if isinstance(step, Turn) and step.payload]


def context(*, host: str = "192.0.2.7", port: int = 4711, name: str | None = None) -> ProbeContext:
    """A context with a fixed nonce, on a port that no probe claims."""
    return ProbeContext(host=name or host, port=port, nonce=NONCE, server_name=name)


def play(
    probe: Probe, *replies: bytes | TlsFacts | None, where: ProbeContext | None = None
) -> Played:
    """Play a probe's dialogue against a peer that says these things."""
    played = Played()
    peer = _Peer(list(replies))
    dialogue: Dialogue = probe.dialogue(where or context())
    try:
        step = next(dialogue)
        while True:
            played.steps.append(step)
            assert len(played.steps) < MOST_STEPS, "the dialogue does not end"
            step = dialogue.send(peer.resume(step))
    except StopIteration as end:
        played.service = end.value
    return played


@dataclass(slots=True)
class _Peer:
    replies: list[bytes | TlsFacts | None]
    unread: bytes = b""

    def resume(self, step: Step) -> bytes | TlsFacts | None:
        match step:
            case StartTls():
                return self._facts()
            case Turn():
                return self._reply(step)

    def _facts(self) -> TlsFacts | None:
        reply = self.replies.pop(0) if self.replies else None
        return reply if isinstance(reply, TlsFacts) else None

    def _reply(self, turn: Turn) -> bytes:
        if not self.unread and self.replies:
            reply = self.replies.pop(0)
            self.unread = reply if isinstance(reply, bytes) else b""
        end = min(len(self.unread), turn.limit, turn.size or turn.limit)
        if turn.until is not None and turn.until in self.unread:
            end = min(end, self.unread.index(turn.until) + len(turn.until))
        reply, self.unread = self.unread[:end], self.unread[end:]
        return reply
