"""nginx with three sites: one in clear text, one in TLS, one that asks for a password."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from portproof.model.endpoint import Endpoint
from servers.certificates import KeyPair, self_made
from servers.process import accepts, account, endpoint, folder, free_port, give, program, running

CONFIG = """
daemon off;
worker_processes 1;
pid {home}/nginx.pid;
error_log stderr;
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path {home}/body;
  proxy_temp_path {home}/proxy;
  fastcgi_temp_path {home}/fastcgi;
  uwsgi_temp_path {home}/uwsgi;
  scgi_temp_path {home}/scgi;
  default_type text/html;
  server {{ listen 127.0.0.1:{http}; location / {{ return 200 "<p>hello</p>"; }} }}
  server {{
    listen 127.0.0.1:{locked};
    location / {{ auth_basic "staff"; auth_basic_user_file {home}/users; root {home}; }}
  }}
  server {{
    listen 127.0.0.1:{https} ssl;
    ssl_certificate {pair.certificate};
    ssl_certificate_key {pair.key};
    ssl_protocols TLSv1.2 TLSv1.3;
    location / {{ return 302 https://shop.example/login; }}
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Nginx:
    """Where the three sites are, and the certificate of the one in TLS."""

    http: Endpoint
    locked: Endpoint
    https: Endpoint
    pair: KeyPair


@contextmanager
def nginx() -> Iterator[Nginx]:
    """Run nginx."""
    owner = account()
    http, locked, https = free_port(), free_port(), free_port()
    with folder(owner) as home:
        pair = self_made(home)
        (home / "users").write_text("")
        config = home / "nginx.conf"
        config.write_text(
            CONFIG.format(home=home, http=http, locked=locked, https=https, pair=pair)
        )
        give(home, owner)
        # The pid directive is read late: -g and -e keep nginx away from /run and /var/log.
        argv = [program("nginx"), "-p", str(home), "-e", "stderr", "-c", str(config)]
        with running(argv, owner=owner, cwd=home, ready=lambda: accepts(https)):
            yield Nginx(endpoint(http), endpoint(locked), endpoint(https), pair)
