from __future__ import annotations

from pathlib import Path

from documents.loaders import FACTS
from documents.writing import faults_in, written
from portproof.documents import load_framework
from portproof.model.rule import Strength


def test_a_framework_is_read_in_the_order_of_its_file(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """\
        schema: portproof.framework/1
        id: example
        title: Example
        version: "4.0"
        disclaimer: An example.
        controls:
          - {id: "1.2", strength: strong, paraphrase: a, accept: b, cannot: c, facts: [scan_clean], freq: yearly}
          - {id: "1.1", strength: context, paraphrase: a, accept: b, cannot: c, facts: []}
        """,
    )
    framework = load_framework(path, FACTS)
    assert (framework.id, framework.version, framework.file) == ("example", "4.0", str(path))
    assert [(each.id, each.strength, each.frequency) for each in framework.controls] == [
        ("1.2", Strength.STRONG, "yearly"),
        ("1.1", Strength.CONTEXT, ""),
    ]


def test_a_control_id_that_yaml_reads_as_a_number_is_a_fault(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """\
        schema: portproof.framework/1
        id: example
        title: Example
        version: "4.0"
        disclaimer: An example.
        controls:
          - {id: 1.10, strength: strong, paraphrase: a, accept: b, cannot: c, facts: []}
        """,
    )
    assert faults_in(lambda each: load_framework(each, FACTS), path) == [
        "7:10 expected text, found the number 1.1; put it in quotes"
    ]
