"""Ansible's inventory as `ansible-inventory --list` prints it.

https://docs.ansible.com/ansible/latest/dev_guide/developing_inventory.html. A host is known by its
inventory name, its address is `ansible_host`, and the groups that it is in, directly or through
others, are its tags. Variables may hold passwords: only those named below are looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from portproof.model.source import FileOptions
from portproof.sources.files import each_file, read_json
from portproof.sources.gathering import Found, Gathering
from portproof.sources.trees import at, mapping, text_at, texts

_OF_NO_GROUP: Final = frozenset({"all", "ungrouped", "_meta"})


def fill(gathering: Gathering, options: FileOptions) -> None:
    """List the hosts of every inventory.

    Raises:
        SourceError: a file cannot be read, or is no inventory.
    """
    for path in each_file(gathering, options.patterns):
        inventory = mapping(read_json(gathering, path))
        if not isinstance(at(inventory, "_meta", "hostvars"), dict):
            problem = "it is not what `ansible-inventory --list` prints"
            raise gathering.error(problem, "run `ansible-inventory --list > FILE`")
        groups = _groups(inventory)
        for host in sorted({*mapping(at(inventory, "_meta", "hostvars")), *groups}):
            variables = mapping(at(inventory, "_meta", "hostvars", host))
            gathering.add(
                Found(
                    id=host,
                    kind="host",
                    hosts=[text_at(variables, "ansible_host") or host],
                    owner=text_at(variables, "owner"),
                    tags=sorted(groups.get(host, ())),
                    tier=text_at(variables, "tier"),
                    capability=text_at(variables, "capability"),
                    zone=text_at(variables, "zone"),
                )
            )


def _groups(inventory: Mapping[str, Any]) -> dict[str, set[str]]:
    """Give each host's groups, with those above them."""
    above: dict[str, set[str]] = {}
    for name, group in inventory.items():
        for child in texts(mapping(group).get("children")):
            above.setdefault(child, set()).add(name)
    found: dict[str, set[str]] = {}
    for name, group in inventory.items():
        for host in texts(mapping(group).get("hosts")):
            found.setdefault(host, set()).update(_with_those_above(name, above) - _OF_NO_GROUP)
    return found


def _with_those_above(name: str, above: Mapping[str, set[str]]) -> set[str]:
    """Give a group and all above it; groups that contain each other end the climb."""
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        here = waiting.pop()
        if here not in seen:
            seen.add(here)
            waiting += above.get(here, ())
    return seen
