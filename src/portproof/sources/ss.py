"""Listening sockets as `ss -tulpn` prints them (iproute2), as targets."""

from __future__ import annotations

from portproof.model.listening import SS_HEADING, ss_listener, ss_words
from portproof.model.source import FileOptions
from portproof.sources.files import each_file, read_text
from portproof.sources.gathering import Gathering, line
from portproof.sources.listening import Machine


def fill(gathering: Gathering, options: FileOptions) -> None:
    """List one machine per file.

    Raises:
        SourceError: a file cannot be read, or is none of ss'.
    """
    for path in each_file(gathering, options.patterns):
        content = read_text(gathering, path)
        if not content.lstrip().startswith(SS_HEADING):
            problem = "it does not begin with the heading of `ss -tulpn`"
            raise gathering.error(problem, "run `ss -tulpn > FILE`")
        machine = Machine()
        for number, written in enumerate(content.splitlines()[1:], 2):
            words = ss_words(written)
            if not words or words[0] not in ("tcp", "udp"):
                continue
            try:
                machine.listens(ss_listener(words))
            except ValueError:
                gathering.skip(f"line {number}: {line(written)!r} is no listening socket")
        machine.target(gathering, options, path, "ss")
