from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor

from documents.loaders import LOADERS
from documents.writing import written
from portproof.assets import policies_dir
from portproof.documents.json_schema import json_schemas
from portproof.documents.schema import main, write_schemas
from portproof.errors import DocumentError

POLICIES = policies_dir()
SHIPPED = POLICIES / "schema"
DOCUMENTS = {
    **{path: path.stem for path in sorted((POLICIES / "examples").glob("*.yaml"))},
    **dict.fromkeys(sorted((POLICIES / "examples" / "baseline-parts").rglob("*.yaml")), "baseline"),
    **dict.fromkeys(sorted((POLICIES / "frameworks").glob("*.yaml")), "framework"),
    POLICIES / "facts.yaml": "facts",
    POLICIES / "service-rules.yaml": "service-rules",
}


class _DatesAreText(SafeConstructor):
    """Reads as editors do: YAML 1.2 has no dates."""


_DatesAreText.add_constructor("tag:yaml.org,2002:timestamp", lambda _, node: node.value)


def as_json(path: Path) -> Any:
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _DatesAreText
    return yaml.load(path.read_text(encoding="utf-8"))


def objects(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for part in (schema, *schema.get("$defs", {}).values()):
        if "properties" in part:
            yield part


def test_the_shipped_schemas_are_fresh(tmp_path: Path) -> None:
    assert main([str(tmp_path)]) == 0
    made = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    kept = {path.name: path.read_text(encoding="utf-8") for path in SHIPPED.iterdir()}
    assert made == kept, "run: python -m portproof.documents.schema policies/schema"


def test_schemas_are_written_into_a_folder_that_need_not_exist(tmp_path: Path) -> None:
    files = write_schemas(tmp_path / "deep" / "schema")
    assert {file.name.removesuffix(".schema.json") for file in files} == set(json_schemas())


def test_the_command_says_how_it_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "OUT_DIR" in capsys.readouterr().err


@pytest.mark.parametrize("name", json_schemas())
def test_each_schema_is_valid_and_refuses_unknown_keys(name: str) -> None:
    schema = json_schemas()[name]
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:portproof:schema:{name}:1"
    assert all(part["additionalProperties"] is False for part in objects(schema))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_what_is_shipped_validates_against_its_schema(path: Path) -> None:
    schema = json.loads((SHIPPED / f"{DOCUMENTS[path]}.schema.json").read_text(encoding="utf-8"))
    errors = [error.message for error in Draft202012Validator(schema).iter_errors(as_json(path))]
    assert errors == []


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("baseline", "entries: [{id: a, hosts: 192.0.2.1, ports: 443, zones: office, prots: 1}]"),
        ("baseline", "entries: [{id: A, hosts: 192.0.2.1, ports: 443, zones: office}]"),
        ("baseline", "entries: [{id: a, hosts: [], ports: 443, zones: office}]"),
        ("baseline", "entries: [{id: a, hosts: 192.0.2.1, ports: 22.5, zones: office}]"),
        ("baseline", "entries: [{id: a, hosts: 192.0.2.1, ports: 443, zones: office, tier: 4}]"),
        ("baseline", "zones: [{name: a, default: allow}]\nentries: []"),
        ("baseline", "templates: {a: {to: 192.0.2.1}}\nentries: []"),
        ("baseline", "environments: {a: {entries: {b: {id: c}}}}\nentries: []"),
        ("waivers", "waivers: [{id: a}]"),
        ("vantages", "zones: [{name: a, trust: low}]\nvantages: [{id: b, zone: a}]"),
    ],
)
def test_what_a_loader_finds_wrong_in_shape_an_editor_shows_too(
    tmp_path: Path, kind: str, text: str
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(DocumentError, match=r"document\.yaml"):
        LOADERS[kind](path)
    assert not Draft202012Validator(json_schemas()[kind]).is_valid(as_json(path))


def test_the_evidence_schema_names_its_version_and_every_section() -> None:
    schema = json_schemas()["evidence"]
    assert schema["properties"]["schema"]["const"] == "portproof.evidence/1"
    assert set(schema["required"]) == set(schema["properties"])
