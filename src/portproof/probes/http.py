"""HTTP in clear text: the status, the server's name, and whether it asks for a login.

Source: RFC 9110 and RFC 9112; see `http_message.py`.
Safety: one `GET /` in the access log, with `User-Agent: portproof`. Redis, which closes such a
connection, logs it as a possible attack: its own port is asked in its own words first.
"""

from __future__ import annotations

from portproof.model.endpoint import Transport
from portproof.model.observation import Service
from portproof.model.probe import Dialogue, ProbeContext
from portproof.probes.http_message import exchange

HTTP_PORT = 80


class Http:
    """Ask for `/`; a status line identifies HTTP."""

    name = "http"
    transport = Transport.TCP
    default_ports: tuple[int, ...] = (80, 591, 3000, 5000, 8000, 8008, 8080, 8081, 8088, 8888, 9090)
    speaks_first = False

    def dialogue(self, context: ProbeContext) -> Dialogue:
        """Recognise HTTP by its status line.

        Attributes: `version`, `status`, and where present `auth` (the scheme, as `basic`),
        `location`, `login=form`.
        """
        answer = yield from exchange(context, own_port=HTTP_PORT)
        return Service("http", answer.product, answer.attributes) if answer else None
