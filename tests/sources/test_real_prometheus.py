"""What we export, as a real Prometheus discovers it; and that we follow the file that it reads."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address

from portproof.model.portspec import parse_ports
from portproof.model.source import FileOptions, SourcedTarget
from portproof.sources import exported
from servers.prometheus import prometheus
from sources.world import NOON, World

WITHIN_S = 60.0


def asset(name: str, host: str, ports: str, **changes: object) -> tuple[str, SourcedTarget]:
    made = SourcedTarget(
        id=name,
        kind="host",
        addresses=(ip_address(host),),
        ports=parse_ports(ports) if ports else None,
        seen_at=NOON,
    )
    return f"cmdb/{name}", replace(made, **changes)  # type: ignore[arg-type]


def eventually(shows: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not shows():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_prometheus_discovers_what_we_export_and_we_follow_its_file(world: World) -> None:
    web = asset("web", "127.0.0.1", "443,8443,U:53", owner="net-team", tags=("prod", "web"))
    six = asset("six", "::1", "9100")
    bare = asset("bare", "127.0.0.3", "", names=("db.example.com",))
    url = f"{world.site.url}/sd"
    # The header is what Prometheus insists on (its documentation of http_sd).
    headers = {"Content-Type": "application/json"}
    world.site.says("/sd", exported([six], "http_sd").encode(), headers=headers)
    with prometheus(exported([web, bare], "file_sd"), url) as running:
        eventually(lambda: bool(running.targets("web")) and len(running.targets("files")) == 4)
        (over_http,) = running.targets("web")
        assert (over_http["__address__"], over_http["portproof_id"]) == ("[::1]:9100", "cmdb/six")
        listed = running.targets("files")
        assert [each["__address__"] for each in listed] == [
            "127.0.0.1:443",
            "127.0.0.1:8443",
            "127.0.0.3",
            "db.example.com",
        ]
        assert {each["portproof_id"] for each in listed} == {"cmdb/web", "cmdb/bare"}
        assert (listed[0]["owner"], listed[0]["tags"]) == ("net-team", "prod,web")
        ours = world.source("file_sd", FileOptions(patterns=(str(running.listed),)))
        assert [each.id for each in ours.fetch().items] == ["cmdb/bare", "cmdb/web"]
        changed = running.listed.with_name("new")
        changed.write_text(exported([six], "file_sd"))
        changed.chmod(0o644)
        changed.replace(running.listed)
        assert [each.id for each in ours.fetch().items] == ["cmdb/six"]
