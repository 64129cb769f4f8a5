from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from ipaddress import ip_address
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import NOON, endpoint, host_outcome, observation, open_host, planned_host, run, tls
from portproof.model.endpoint import Transport
from portproof.model.observation import LocalFault, PortState, Reason, Service
from portproof.model.ports import PortSet
from portproof.model.scan import HostOutcome, Resolution, RunRecord, RunStatus
from portproof.render.nmap_xml import nmap_xml


def parsed(record: RunRecord, *, open_only: bool = False) -> ET.Element:
    return ET.fromstring("".join(nmap_xml(record, "portproof scan", open_only=open_only)))


def counted(root: ET.Element) -> dict[str, int]:
    return {each.attrib["state"]: int(each.attrib["count"]) for each in root.iter("extraports")}


def listed(root: ET.Element) -> dict[str, str]:
    return {
        f"{each.attrib['portid']}/{each.attrib['protocol']}": state.attrib["state"]
        for each in root.iter("port")
        for state in each.iter("state")
    }


def host_of(text: str, state: PortState, **others: str) -> HostOutcome:
    """A host whose ports `text` are of one state, and those of `others` not measured."""
    faults = {LocalFault[name]: each for name, each in others.items()}
    ports = ",".join([text, *others.values()])
    return host_outcome(
        planned_host("10.0.0.5", tcp=ports), states={state: text}, unmeasured=faults, fill=None
    )


def test_25_closed_ports_are_listed_and_26_are_counted_as_nmap_does() -> None:
    few, many = (parsed(run(host_of(f"1-{n}", PortState.CLOSED))) for n in (25, 26))
    assert (len(listed(few)), counted(few)) == (25, {})
    assert (len(listed(many)), counted(many)) == (0, {"closed": 26})


def test_open_ports_are_listed_however_many_there_are() -> None:
    assert len(listed(parsed(run(host_of("1-300", PortState.OPEN))))) == 300


def test_what_was_not_measured_is_counted_as_unknown_and_never_listed() -> None:
    root = parsed(run(host_of("1-3", PortState.CLOSED, CONTROL_FAILED="4-5", NO_SOCKETS="6")))
    assert counted(root) == {"unknown": 3}
    assert listed(root) == {"1/tcp": "closed", "2/tcp": "closed", "3/tcp": "closed"}
    assert {each.attrib["reason"]: each.attrib["ports"] for each in root.iter("extrareasons")} == {
        "not-measured-control-failed": "4-5",
        "not-measured-no-sockets": "6",
    }


def test_an_endpoint_without_any_outcome_is_not_measured_either() -> None:
    gone = host_outcome(planned_host("10.0.0.5", tcp="1-9"), states={}, fill=None)
    (reason,) = parsed(run(gone)).iter("extrareasons")
    assert (reason.attrib["reason"], reason.attrib["count"]) == ("not-measured-missing", "9")


def test_a_host_of_which_nothing_was_measured_is_neither_up_nor_counted_as_up() -> None:
    unseen = host_outcome(
        planned_host("10.0.0.5", tcp="1-9"), unmeasured={LocalFault.NO_ROUTE: "1-9"}
    )
    root = parsed(run(unseen))
    (status,), (hosts,) = root.iter("status"), root.iter("hosts")
    assert (status.attrib["state"], status.attrib["reason"]) == ("unknown", "not-measured")
    assert hosts.attrib == {"up": "0", "down": "0", "total": "1"}


def test_a_silent_host_is_up_because_somebody_said_so_as_in_nmap_without_ping() -> None:
    silent = host_outcome(planned_host("10.0.0.5", tcp="1-30"), fill=PortState.FILTERED)
    (status,) = parsed(run(silent)).iter("status")
    assert (status.attrib["state"], status.attrib["reason"]) == ("up", "user-set")


@pytest.mark.parametrize("status", [RunStatus.INTERRUPTED, RunStatus.INCONCLUSIVE])
def test_a_run_that_may_conclude_nothing_ends_with_an_error_and_says_why(status: RunStatus) -> None:
    root = parsed(run(status=status, status_reason='the canary was "silent"'))
    (finished,) = root.iter("finished")
    assert finished.attrib["exit"] == "error"
    assert finished.attrib["errormsg"] == f'the run is {status}: the canary was "silent"'


def test_a_complete_run_ends_with_success() -> None:
    (finished,) = parsed(run()).iter("finished")
    assert finished.attrib["exit"] == "success"
    assert "errormsg" not in finished.attrib
    assert finished.attrib["elapsed"] == "300.00"


def test_a_name_that_does_not_resolve_is_a_skipped_target() -> None:
    gone = Resolution(name="gone.example.com", addresses=(), at=NOON, tcp=PortSet.of(22))
    (target,) = parsed(run(plan={"resolutions": (gone,)})).iter("target")
    assert target.attrib == {
        "specification": "gone.example.com",
        "status": "skipped",
        "reason": "invalid",
    }


def test_ipv6_names_and_both_transports_stand_in_one_host() -> None:
    host = planned_host("2001:db8::5", tcp="22", udp="53", name="a.example.com")
    both = (
        host_outcome(host, states={PortState.OPEN: "22"}),
        host_outcome(host, transport=Transport.UDP, states={PortState.OPEN_FILTERED: "53"}),
    )
    root = parsed(run(*both))
    (address,), (name,) = root.iter("address"), root.iter("hostname")
    assert address.attrib == {"addr": "2001:db8::5", "addrtype": "ipv6"}
    assert name.attrib == {"name": "a.example.com", "type": "user"}
    assert listed(root) == {"22/tcp": "open", "53/udp": "open|filtered"}
    assert [each.attrib["type"] for each in root.iter("scaninfo")] == ["connect", "udp"]


def services(root: ET.Element) -> Iterator[dict[str, str]]:
    return (dict(each.attrib) for each in root.iter("service"))


@pytest.mark.parametrize(
    ("told", "product", "version", "more"),
    [
        ("OpenSSH_9.2p1 Debian-2+deb12u3", "OpenSSH", "9.2p1", "Debian-2+deb12u3"),
        ("nginx/1.22.1", "nginx", "1.22.1", None),
        ("Redis 7.0.15", "Redis", "7.0.15", None),
        ("Postfix", "Postfix", None, None),
        ("3proxy", "3proxy", None, None),
    ],
)
def test_a_product_is_told_from_its_version(
    told: str, product: str, version: str | None, more: str | None
) -> None:
    (service,) = services(parsed(run(open_host(p22=Service("ssh", told)))))
    assert (service["product"], service.get("version"), service.get("extrainfo")) == (
        product,
        version,
        more,
    )
    assert (service["method"], service["conf"]) == ("probed", "10")


def test_a_port_that_nobody_identified_has_the_name_of_its_number_and_low_confidence() -> None:
    first, second = services(parsed(run(host_of("22,60001", PortState.OPEN))))
    assert first == {"name": "ssh", "method": "table", "conf": "3"}
    assert second == {"name": "unknown", "method": "table", "conf": "3"}


def test_a_service_inside_tls_has_nmaps_tunnel() -> None:
    (service,) = services(parsed(run(open_host(p443=Service("https", tls=tls())))))
    assert service["tunnel"] == "ssl"


def test_our_own_listener_is_named_as_ours() -> None:
    own = endpoint("10.0.0.5:40000/tcp")
    host = host_outcome(planned_host("10.0.0.5", tcp="40000"), states={PortState.OPEN: "40000"})
    (service,) = services(parsed(run(host, own_listeners=(own,))))
    assert service["product"] == "portproof control listener"


def test_open_only_counts_what_is_not_open_and_keeps_what_may_be_open() -> None:
    host = planned_host("10.0.0.5", tcp="1-6", udp="53")
    tcp = host_outcome(
        host,
        states={PortState.OPEN: "1", PortState.FILTERED: "2"},
        unmeasured={LocalFault.LOSSY_PATH: "3"},
    )
    udp = host_outcome(host, transport=Transport.UDP, states={PortState.OPEN_FILTERED: "53"})
    root = parsed(run(tcp, udp), open_only=True)
    assert listed(root) == {"1/tcp": "open", "53/udp": "open|filtered"}
    assert counted(root) == {"closed": 3, "filtered": 1, "unknown": 1}


@given(st.text(), st.text())
def test_no_text_of_a_stranger_or_of_the_command_line_breaks_the_document(
    product: str, typed: str
) -> None:
    record = run(open_host(p22=Service("ssh", product)))
    root = ET.fromstring("".join(nmap_xml(record, f"portproof scan {typed}")).encode())
    assert root.attrib["args"].startswith("portproof scan")
    (service,) = services(root)
    said = "".join(service.values())
    assert not {unicodedata.category(each) for each in said} & {"Cc", "Cf", "Cs", "Cn"}


def test_hyphens_of_options_do_not_end_the_comment_with_the_command_line() -> None:
    text = "".join(nmap_xml(run(), "portproof scan --exclude-ports 1 -- -->"))
    comment = text.partition("<!-- ")[2].partition(" -->\n<nmaprun")[0]
    assert "--" not in comment


def test_the_reason_of_each_port_is_its_own() -> None:
    host = planned_host("10.0.0.5", tcp="1-3")
    outcome = HostOutcome(
        host=host,
        transport=Transport.TCP,
        states={PortState.FILTERED: host.tcp},
        reasons={Reason.NO_RESPONSE: PortSet.of(1, 3), Reason.ADMIN_PROHIBITED: PortSet.of(2)},
        unmeasured={},
        observations=(
            observation(
                endpoint("10.0.0.5:2/tcp"), PortState.FILTERED, reason=Reason.ADMIN_PROHIBITED
            ),
        ),
    )
    found = {
        each.attrib["portid"]: state.attrib["reason"]
        for each in parsed(run(outcome)).iter("port")
        for state in each.iter("state")
    }
    assert found == {"1": "no-response", "2": "admin-prohibited", "3": "no-response"}
    assert host.address == ip_address("10.0.0.5")
