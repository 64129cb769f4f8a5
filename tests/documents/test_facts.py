from __future__ import annotations

from pathlib import Path

from documents.writing import written
from portproof.documents import load_facts
from portproof.model.rule import Polarity


def test_facts_keep_their_order_polarity_and_needs(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """\
        schema: portproof.facts/1
        facts:
          b: {polarity: support, needs: [baseline], text: One.}
          a: {polarity: context, needs: [], text: Two.}
        """,
    )
    facts = load_facts(path).facts
    assert [(fact.id, fact.polarity, fact.needs) for fact in facts] == [
        ("b", Polarity.SUPPORT, ("baseline",)),
        ("a", Polarity.CONTEXT, ()),
    ]
