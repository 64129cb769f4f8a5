"""A baseline plan as JSON: the document as it is, ASCII only, keys in the order of its type."""

from __future__ import annotations

import json
from dataclasses import asdict

from portproof.model.change_plan import PlanDocument


def plan_json(document: PlanDocument) -> str:
    """Write the document; `schema` comes first."""
    return json.dumps({"schema": document.schema} | asdict(document), indent=2)
