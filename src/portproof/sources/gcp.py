"""Google Cloud: instances with an external address, and what the firewall of their network lets in.

Asked over the Compute API with a token (`gcloud auth print-access-token`), or read from files that
hold the answers of `gcloud compute instances list --format json` and `firewall-rules list`. An
instance is known by its numeric id.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from portproof.model.source import CloudOptions
from portproof.sources.cloud import allowed, in_words, kept_answers, tag_of
from portproof.sources.gathering import Found, Gathering
from portproof.sources.trees import at, each_in, mapping, text, text_at, texts
from portproof.sources.web import Web

_INSTANCE: Final = "compute#instance"
_FIREWALL: Final = "compute#firewall"
_UNREACHABLE: Final = "UNREACHABLE"
"""Code of the warning of a scope that is missing from an aggregated list (Compute API reference)."""


def fill(gathering: Gathering, options: CloudOptions) -> None:
    """List the instances that have an external address.

    Raises:
        SourceError: the API or a file cannot be read.
    """
    instances: list[Mapping[str, Any]] = []
    firewalls: list[Mapping[str, Any]] = []
    for each in _objects(gathering, options):
        kind = text_at(each, "kind")
        if kind == _INSTANCE:
            instances.append(each)
        elif kind == _FIREWALL:
            firewalls.append(each)
        else:
            gathering.skip(f"an object of the kind {kind or 'unknown'} is not understood")
    for instance in instances:
        _add(gathering, instance, firewalls)


def _add(
    gathering: Gathering, instance: Mapping[str, Any], firewalls: Sequence[Mapping[str, Any]]
) -> None:
    interfaces = [mapping(each) for each in each_in(instance.get("networkInterfaces"))]
    configured = [
        (interface, access)
        for interface in interfaces
        for key in ("accessConfigs", "ipv6AccessConfigs")
        for access in each_in(interface.get(key))
    ]
    hosts = [
        text_at(access, "natIP") or text_at(access, "externalIpv6") for _, access in configured
    ]
    if not any(hosts):
        return  # an instance without an external address: nothing outside its network reaches it
    networks = {text_at(interface, "network") for interface in interfaces}
    tags = texts(at(instance, "tags", "items"))
    labels = mapping(instance.get("labels"))
    rules = (
        rule
        for firewall in firewalls
        if text_at(firewall, "network") in networks and _applies(firewall, tags)
        for rule in _rules(firewall)
    )
    gathering.add(
        Found(
            id=text_at(instance, "id"),
            kind="instance",
            hosts=hosts,
            owner=tag_of(labels, "owner"),
            tags=tags,
            tier=tag_of(labels, "tier"),
            capability=tag_of(labels, "capability"),
            zone=tag_of(labels, "zone"),
            attributes={
                "name": text_at(instance, "name"),
                "location": text_at(instance, "zone").rpartition("/")[2],
                "allowed": allowed(rules),
            },
        )
    )


def _applies(firewall: Mapping[str, Any], tags: list[str]) -> bool:
    wanted = texts(firewall.get("targetTags"))
    inward = text_at(firewall, "direction") in ("", "INGRESS")
    return inward and not firewall.get("disabled") and (not wanted or bool({*wanted} & {*tags}))


def _rules(firewall: Mapping[str, Any]) -> Iterator[str]:
    origins = texts(firewall.get("sourceRanges"))
    for each in each_in(firewall.get("allowed")):
        yield from in_words(
            text_at(each, "IPProtocol"), ",".join(texts(at(each, "ports"))), origins
        )


def _objects(gathering: Gathering, options: CloudOptions) -> Iterator[Mapping[str, Any]]:
    if options.web is None:
        yield from _kept(gathering, options.patterns)
        return
    project = f"/projects/{options.account}"
    with Web(gathering, options.web) as web:
        for page in _pages(gathering, web, f"{project}/aggregated/instances"):
            _require_whole(gathering, page)
            for scope in mapping(page.get("items")).values():
                for each in each_in(at(scope, "instances")):
                    yield {"kind": _INSTANCE, **mapping(each)}
        for page in _pages(gathering, web, f"{project}/global/firewalls"):
            for each in each_in(page.get("items")):
                yield {"kind": _FIREWALL, **mapping(each)}


def _kept(gathering: Gathering, patterns: tuple[str, ...]) -> Iterator[Mapping[str, Any]]:
    for answer in kept_answers(gathering, patterns):
        if not isinstance(answer, list):
            problem = "it is no list, as `gcloud compute instances list` and the other print it"
            raise gathering.error(problem, "keep the whole output, with --format json")
        yield from map(mapping, answer)


def _require_whole(gathering: Gathering, page: Mapping[str, Any]) -> None:
    """Refuse a list that lacks a zone which Google could not reach when it was asked."""
    scopes = mapping(page.get("items")).items()
    lost = [name for name, each in scopes if text_at(each, "warning", "code") == _UNREACHABLE]
    lost += texts(page.get("unreachables"))
    if lost:
        problem = f"Google could not reach {', '.join(sorted(lost))}"
        raise gathering.error(problem, "fetch again; nothing was taken over")


def _pages(gathering: Gathering, web: Web, path: str) -> Iterator[Mapping[str, Any]]:
    following = ""
    while True:
        page = mapping(web.json(path, {"pageToken": following} if following else {}))
        # An empty list has no items in it, and says all the same what it is a list of.
        if "items" not in page and not text(page.get("kind")).startswith("compute#"):
            raise gathering.error("it does not answer as Google does", "check the URL")
        yield page
        following = text(page.get("nextPageToken"))
        if not following:
            return
