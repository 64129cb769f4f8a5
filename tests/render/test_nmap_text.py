"""-oN and -oG: what nmap's two text formats say, and what they must not say."""

from __future__ import annotations

from factories import NOON, host_outcome, open_host, planned_host, run
from portproof.model.endpoint import Transport
from portproof.model.observation import LocalFault, PortState, Service
from portproof.model.ports import PortSet
from portproof.model.scan import Resolution, RunRecord, RunStatus
from portproof.render.nmap_grep import nmap_grep
from portproof.render.nmap_normal import nmap_normal


def normal(record: RunRecord, **options: bool) -> list[str]:
    return "".join(nmap_normal(record, "portproof scan", **options)).splitlines()


def grep(record: RunRecord, **options: bool) -> list[str]:
    return "".join(nmap_grep(record, "portproof scan", **options)).splitlines()


NGINX = run(open_host("192.0.2.10", p22=None, p443=Service("http", "nginx/1.22.1")))


def test_the_first_line_tells_who_when_and_how() -> None:
    first = "# portproof 0.1.0 scan initiated Sat Nov 21 11:55:00 2026 as: portproof scan"
    assert normal(NGINX)[0] == grep(NGINX)[0] == first


def test_the_last_line_counts_addresses_and_the_time() -> None:
    last = (
        "# portproof done at Sat Nov 21 12:00:00 2026 -- "
        "1 IP address (1 host up) scanned in 300.00 seconds"
    )
    assert normal(NGINX)[-1] == grep(NGINX)[-1] == last


def test_a_run_that_may_conclude_nothing_says_so_in_its_last_line() -> None:
    record = run(status=RunStatus.INTERRUPTED, status_reason="it was stopped")
    for lines in (normal(record), grep(record)):
        assert lines[-1].endswith("; the run is interrupted: it was stopped")


def test_columns_are_as_wide_as_their_widest_cell_and_empty_ones_are_left_out() -> None:
    lines = normal(NGINX)
    assert lines[1] == "Nmap scan report for 192.0.2.10"
    begin = lines.index("PORT    STATE SERVICE VERSION")
    assert lines[begin + 1 : begin + 3] == [
        "22/tcp  open  ssh",
        "443/tcp open  http    nginx 1.22.1",
    ]


def test_the_reason_has_a_column_when_asked_for() -> None:
    lines = normal(NGINX, reason=True)
    assert "PORT    STATE SERVICE REASON  VERSION" in lines
    assert lines[2].startswith("Host is up, received syn-ack")


def test_a_host_with_nothing_to_list_says_that_all_of_it_is_ignored() -> None:
    closed = run(host_outcome(planned_host("10.0.0.5", tcp="1-100")))
    assert normal(closed)[3:5] == [
        "All 100 scanned ports on 10.0.0.5 are in ignored states.",
        "Not shown: 100 closed tcp ports (reset)",
    ]
    assert grep(closed)[2] == "Host: 10.0.0.5 ()\tPorts: \tIgnored State: closed (100)"


def test_a_grepable_port_has_nmaps_eight_fields() -> None:
    ports = grep(NGINX)[2].split("\t")[1].removeprefix("Ports: ").split(", ")
    assert ports[:2] == ["22/open/tcp//ssh///", "443/open/tcp//http//nginx 1.22.1/"]


def test_a_banner_cannot_add_a_field_a_port_or_a_line() -> None:
    hostile = Service("ssh", "x/y, 80/open/tcp\tStatus: Down\nHost: 10.9.9.9 ()")
    line = grep(run(open_host(p22=hostile)))[2]
    assert line.count("\t") == 1 + line.count("\tIgnored")
    (port,) = line.split("\t")[1].split(", ")[:1]
    assert port.count("/") == 7


def unmeasured(**faults: str) -> RunRecord:
    held = {LocalFault[name]: text for name, text in faults.items()}
    ports = ",".join(held.values())
    return run(host_outcome(planned_host("10.0.0.5", tcp=ports), unmeasured=held))


def test_what_was_not_measured_is_named_with_its_cause_and_no_state() -> None:
    record = unmeasured(CONTROL_FAILED="1-40", NO_SOCKETS="41")
    told = "40 tcp (control-failed), 1 tcp (no-sockets)"
    assert f"Not measured: {told}" in normal(record)
    assert grep(record)[1:3] == [
        "Host: 10.0.0.5 ()\tStatus: Unknown",
        f"Host: 10.0.0.5 ()\tPorts: \tNot measured: {told}",
    ]
    assert not any(word in " ".join(normal(record)) for word in ("closed", "filtered", "is up"))


def test_open_only_hides_what_is_not_open_but_never_what_was_not_measured() -> None:
    host = host_outcome(
        planned_host("10.0.0.5", tcp="1-9"),
        states={PortState.OPEN: "1"},
        unmeasured={LocalFault.LOSSY_PATH: "9"},
    )
    lines = normal(run(host), open_only=True)
    assert "Not shown: 7 closed tcp ports (reset)" in lines
    assert "Not measured: 1 tcp (lossy-path)" in lines


def test_a_name_is_shown_beside_its_address_and_one_without_is_not_measured() -> None:
    gone = Resolution(name="gone.example.com", addresses=(), at=NOON, tcp=PortSet.of(22))
    named = host_outcome(planned_host("10.0.0.5", name="a.example.com"))
    record = run(named, plan={"resolutions": (gone,)})
    assert "Nmap scan report for a.example.com (10.0.0.5)" in normal(record)
    assert "Host: 10.0.0.5 (a.example.com)\tStatus: Up" in grep(record)
    assert "Not measured: gone.example.com does not resolve" in normal(record)
    assert "# not measured: gone.example.com does not resolve" in grep(record)


def test_udp_stands_after_tcp_of_the_same_host() -> None:
    host = planned_host("10.0.0.5", tcp="80", udp="53")
    udp = host_outcome(host, transport=Transport.UDP, states={PortState.OPEN: "53"})
    lines = normal(run(host_outcome(host, states={PortState.OPEN: "80"}), udp))
    assert [line.split()[0] for line in lines if "open" in line] == ["80/tcp", "53/udp"]
