"""A comparison as JSON: the document as it is, ASCII only, keys in the order of its type."""

from __future__ import annotations

import json
from dataclasses import asdict

from portproof.model.drift_document import DiffDocument


def diff_json(document: DiffDocument) -> str:
    """Write the document; `schema` comes first."""
    return json.dumps({"schema": document.schema} | asdict(document), indent=2)
