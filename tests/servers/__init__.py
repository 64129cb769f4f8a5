"""Real servers of Debian's packages, started for tests and ended with the block.

    with nginx() as web:
        identify([IdentifyRequest(web.http), IdentifyRequest(web.https)], ...)

Each module starts one server: on 127.0.0.1, on free ports, in a temporary folder of its own, without
systemd. A server that can do without root gets an unprivileged user even when the tests are run by
root; only Postfix's master needs root. Nothing is shared and nothing stays, so the same server may
be up many times at once. A package that is missing fails the test: a skipped one would look like a
good result.

Reading order: `process.py` (start, wait until ready, end), then any server.
"""

from servers.chrony import chrony
from servers.dtls import dtls
from servers.mariadb import mariadb
from servers.nginx import nginx
from servers.old_tls import old_tls
from servers.openssh import openssh
from servers.postfix import mail_server, postfix
from servers.postgresql import postgresql
from servers.redis import redis
from servers.snmpd import snmpd
from servers.tftpd import tftpd
from servers.unbound import unbound
from servers.vsftpd import vsftpd

__all__ = [
    "chrony",
    "dtls",
    "mail_server",
    "mariadb",
    "nginx",
    "old_tls",
    "openssh",
    "postfix",
    "postgresql",
    "redis",
    "snmpd",
    "tftpd",
    "unbound",
    "vsftpd",
]
