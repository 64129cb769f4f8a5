from __future__ import annotations

from typing import Any

import pytest

from portproof.errors import SourceError
from portproof.model.source import AwsOptions, CloudOptions, SourcedTarget
from sources import answers
from sources.world import World


def kept(world: World, kind: str, *contents: Any) -> tuple[SourcedTarget, ...]:
    paths = tuple(str(world.file(f"{at}.json", each)) for at, each in enumerate(contents))
    options = AwsOptions(patterns=paths) if kind == "aws" else CloudOptions(patterns=paths)
    return world.source(kind, options).fetch().items


def test_aws_says_what_the_security_groups_of_an_instance_let_in(world: World) -> None:
    _, instance = kept(world, "aws", answers.AWS_INTERFACES, answers.AWS_GROUPS)
    assert instance.attributes["allowed"] == "all all from sg-2; tcp 443 from 0.0.0.0/0"
    assert (instance.owner, instance.kind) == ("net-team", "instance")


def test_aws_without_a_list_of_interfaces_is_an_error_not_an_empty_list(world: World) -> None:
    with pytest.raises(SourceError, match="no answer of describe-network-interfaces"):
        kept(world, "aws", answers.AWS_GROUPS)


def test_azure_is_read_alike_from_the_api_and_from_the_answers_of_its_command(
    world: World,
) -> None:
    def flat(each: dict[str, Any]) -> dict[str, Any]:
        return {**{k: v for k, v in each.items() if k != "properties"}, **each["properties"]}

    command = kept(
        world,
        "azure",
        [flat(each) for each in answers.AZURE_ADDRESSES],
        answers.AZURE_INTERFACES,
        answers.AZURE_GROUPS,
    )
    provider = "/subscriptions/s/providers/Microsoft.Network"
    first = f"{provider}/publicIPAddresses"
    world.site.says(first, {"value": [], "nextLink": f"{world.site.url}{first}?page=2"})
    world.site.says(f"{first}?page=2", {"value": answers.AZURE_ADDRESSES})
    world.site.says(f"{provider}/networkInterfaces", {"value": answers.AZURE_INTERFACES})
    world.site.says(f"{provider}/networkSecurityGroups", {"value": answers.AZURE_GROUPS})
    options = CloudOptions(account="s", web=world.web(token=True))
    assert world.source("azure", options).fetch().items == command
    assert command[0].attributes["allowed"] == "tcp 443 from *"


def test_google_is_read_alike_from_the_api_and_from_the_answers_of_its_command(
    world: World,
) -> None:
    command = kept(world, "gcp", answers.GCP_INSTANCES, answers.GCP_FIREWALLS)
    scoped = {"zones/a": {"instances": answers.GCP_INSTANCES[:1]}, "zones/b": {}}
    world.site.says("/projects/p/aggregated/instances", {"items": {}, "nextPageToken": "2"})
    world.site.says("/projects/p/aggregated/instances?pageToken=2", {"items": scoped})
    world.site.says("/projects/p/global/firewalls", {"items": answers.GCP_FIREWALLS})
    options = CloudOptions(account="p", web=world.web(token=True))
    assert world.source("gcp", options).fetch().items == command
    assert command[0].attributes["allowed"] == "tcp 443 from 0.0.0.0/0"


@pytest.mark.parametrize("kind", ["azure", "gcp"])
@pytest.mark.parametrize("answer", [{}, {"error": {"code": 403}}, '"denied"', None])
def test_an_answer_that_is_no_list_is_an_error_not_an_empty_list(
    world: World, kind: str, answer: Any
) -> None:
    with pytest.raises(SourceError, match="it is no list"):
        kept(world, kind, answer)


def test_an_azure_page_without_its_list_is_an_error(world: World) -> None:
    provider = "/subscriptions/s/providers/Microsoft.Network"
    world.site.says(f"{provider}/publicIPAddresses", {"error": {"code": "Throttled"}})
    with pytest.raises(SourceError, match="it does not answer as Azure does"):
        world.source("azure", CloudOptions(account="s", web=world.web(token=True))).fetch()


@pytest.mark.parametrize(
    ("page", "problem"),
    [
        ({}, "it does not answer as Google does"),
        (
            {"items": {"zones/b": {"warning": {"code": "UNREACHABLE"}}, "zones/a": {}}},
            "Google could not reach zones/b",
        ),
        ({"items": {}, "unreachables": ["zones/c"]}, "Google could not reach zones/c"),
    ],
)
def test_a_google_list_that_lacks_a_zone_is_an_error(
    world: World, page: dict[str, Any], problem: str
) -> None:
    world.site.says("/projects/p/aggregated/instances", page)
    world.site.says("/projects/p/global/firewalls", {"kind": "compute#firewallList"})
    with pytest.raises(SourceError, match=problem):
        world.source("gcp", CloudOptions(account="p", web=world.web(token=True))).fetch()


def test_a_google_zone_without_results_is_an_answer(world: World) -> None:
    nothing = {"zones/a": {"warning": {"code": "NO_RESULTS_ON_PAGE"}}}
    world.site.says("/projects/p/aggregated/instances", {"items": nothing})
    world.site.says("/projects/p/global/firewalls", {"kind": "compute#firewallList"})
    options = CloudOptions(account="p", web=world.web(token=True))
    assert world.source("gcp", options).fetch().items == ()
