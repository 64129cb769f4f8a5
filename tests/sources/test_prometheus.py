from __future__ import annotations

import os

import pytest

from portproof.errors import SourceError
from portproof.model.portspec import parse_ports
from portproof.model.source import FileOptions
from sources.answers import GROUPS
from sources.world import World


def test_a_host_with_several_targets_is_one_target_with_all_its_ports(world: World) -> None:
    listing = world.source("file_sd", world.files("t.json", GROUPS)).fetch()
    web = listing.items[0]
    assert (web.id, web.ports) == ("192.0.2.10", parse_ports("80,443"))
    assert (web.owner, web.tags) == ("net-team", ("prod", "web"))


def test_labels_are_attributes_except_those_of_prometheus_itself(world: World) -> None:
    listing = world.source("file_sd", world.files("t.json", GROUPS)).fetch()
    assert listing.items[0].attributes == {"job": "node"}


def test_targets_of_the_blackbox_exporter_are_urls(world: World) -> None:
    groups = [{"targets": ["https://shop.example.com/health", "http://[2001:db8::1]:8080/"]}]
    found = world.source("file_sd", world.files("t.json", groups)).fetch().items
    assert [(each.id, str(each.ports)) for each in found] == [
        ("2001:db8::1", str(parse_ports("8080"))),
        ("shop.example.com", str(parse_ports("443"))),
    ]


def test_files_are_found_by_pattern_json_and_yaml_alike(world: World) -> None:
    world.file("a.json", [{"targets": ["192.0.2.1:80"]}])
    world.file("b.yml", "- targets: ['192.0.2.2:80']\n  labels: {owner: net-team}\n")
    world.file("c.yaml", "")
    source = world.source("file_sd", FileOptions(patterns=(str(world.folder / "*"),)))
    assert [each.id for each in source.fetch().items] == ["192.0.2.1", "192.0.2.2"]


def test_a_file_is_read_again_only_when_it_changed_or_was_replaced(world: World) -> None:
    source = world.source("file_sd", world.files("t.json", GROUPS))
    source.fetch()
    source.fetch()
    assert source.watched.reads == 1
    world.file("t.json", [{"targets": ["192.0.2.9:80"]}])
    assert [each.id for each in source.fetch().items] == ["192.0.2.9"]
    other = world.file("new.json", [{"targets": ["192.0.2.8:80"]}])
    os.replace(other, world.folder / "t.json")  # noqa: PTH105 - as programs write such files
    assert [each.id for each in source.fetch().items] == ["192.0.2.8"]
    assert source.watched.reads == 3


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("a: &x [1]\nb: *x\n", "line 2: it has an alias"),
        ("targets: []\n", "it is no list of target groups"),
        ("- labels: {}\n", "group 1 has no list of 'targets'"),
        ("- targets: []\n  targets: []\n", "it is no YAML"),
        ("[" * 3_000 + "]" * 3_000, "nested too deeply"),
    ],
)
def test_yaml_that_is_no_list_of_groups_is_refused(
    world: World, content: str, problem: str
) -> None:
    with pytest.raises(SourceError) as refused:
        world.source("file_sd", world.files("t.yml", content)).fetch()
    assert problem in str(refused.value)


def test_json_nested_beyond_any_use_is_refused(world: World) -> None:
    with pytest.raises(SourceError, match="nested too deeply"):
        world.source("file_sd", world.files("t.json", "[" * 200_000)).fetch()


def test_a_pattern_that_matches_nothing_is_an_error_not_an_empty_list(world: World) -> None:
    source = world.source("file_sd", FileOptions(patterns=(str(world.folder / "*.json"),)))
    with pytest.raises(SourceError, match="no file matches"):
        source.fetch()


def test_http_sd_is_asked_again_when_its_list_has_come_of_age(world: World) -> None:
    world.site.says("/sd", GROUPS)
    source = world.source("http_sd", world.web("/sd"))
    source.fetch()
    world.elapsed_s = 59
    source.fetch()
    assert len(world.site.asked) == 1
    world.elapsed_s = 60
    source.fetch()
    assert len(world.site.asked) == 2


def test_http_sd_keeps_its_last_list_on_an_error_and_says_so(world: World) -> None:
    world.site.says("/sd", GROUPS)
    source = world.source("http_sd", world.web("/sd"))
    before = source.fetch()
    world.site.says("/sd", [], status=503)
    world.elapsed_s = 61
    kept = source.fetch()
    assert kept.items == before.items
    assert "the list of 2026-11-21T12:00:00Z is kept" in kept.stale_because
    assert "503" in kept.stale_because


def test_http_sd_without_a_last_list_fails(world: World) -> None:
    with pytest.raises(SourceError, match="404"):
        world.source("http_sd", world.web("/sd")).fetch()
