"""Hold one conversation with a real peer, to its end.

held = converse(peer.endpoint, Redis().dialogue(context()), timeout_s=1.0)
assert held.service == Service("redis", attributes={"auth": "none"})
"""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

from portproof.model.endpoint import Endpoint
from portproof.model.probe import StartTls, Turn
from portproof.scan.conversations import Conversations
from portproof.scan.dialogue import Conversation
from portproof.scan.steps import Listen, NextDialogue, Script

LONGEST_S = 60.0


def converse(endpoint: Endpoint, script: Script, *, timeout_s: float) -> Conversation:
    """Carry the script out over a connection of its own; `service` is what it returned."""
    ended: list[Conversation] = []
    conversations = Conversations(time.monotonic)
    gives_up_at = time.monotonic() + LONGEST_S
    try:
        conversations.open(endpoint, lambda _: script, ended.append, timeout_s=timeout_s)
        while not ended:
            assert time.monotonic() < gives_up_at, "the conversation does not end"
            conversations.attend(0.02)
    finally:
        conversations.close()
        script.close()
    return ended[0]


def collect(*steps: Turn | StartTls | Listen | NextDialogue) -> Generator[Any, Any, Any]:
    """A script that only collects what each step gives."""
    replies = []
    for step in steps:
        replies += [(yield step)]
    return replies
