"""NetBox: every active address of its IPAM, by the device or virtual machine that it is assigned to.

https://netboxlabs.com/docs/netbox/integrations/rest-api/. A device's addresses are one target with
the identity `device/12`; an address that is assigned to nothing is a target of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from portproof.model.source import WebOptions
from portproof.sources.cloud import pages
from portproof.sources.gathering import Found, Gathering
from portproof.sources.trees import at, each_in, mapping, text_at
from portproof.sources.web import Web

_PAGE: Final = "500"
_PATH: Final = "/api/ipam/ip-addresses/"
_ASSIGNED: Final = (("device", "device"), ("virtual_machine", "virtual-machine"))


def fill(gathering: Gathering, options: WebOptions) -> None:
    """List every device and virtual machine with an active address, and every unassigned address.

    Raises:
        SourceError: NetBox cannot be read to the last page.
    """
    asked = {"limit": _PAGE, "status": "active"}
    with Web(gathering, options, "Token") as web:
        for page in pages(web, _PATH, asked, "next"):
            if not isinstance(page.get("results"), list):
                raise gathering.error("it does not answer as NetBox does", "check the URL")
            for each in each_in(page["results"]):
                _add(gathering, mapping(each))


def _add(gathering: Gathering, each: Mapping[str, Any]) -> None:
    identity, kind, name = f"ip-address/{text_at(each, 'id')}", "address", ""
    for key, said in _ASSIGNED:
        holder = at(each, "assigned_object", key)
        if text_at(holder, "id"):
            identity, kind, name = f"{said}/{text_at(holder, 'id')}", said, text_at(holder, "name")
    fields = mapping(each.get("custom_fields"))
    gathering.add(
        Found(
            id=identity,
            kind=kind,
            # NetBox writes an address with the length of its network: 10.0.0.5/24.
            hosts=[text_at(each, "address").partition("/")[0], text_at(each, "dns_name")],
            owner=text_at(fields, "owner") or text_at(each, "tenant", "name"),
            tags=[text_at(tag, "name") for tag in each_in(each.get("tags"))],
            tier=text_at(fields, "tier"),
            capability=text_at(fields, "capability"),
            zone=text_at(fields, "zone"),
            attributes={"name": name},
        )
    )
