"""Which loader a test document is for: the word before the first dash of its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from portproof import documents
from portproof.assets import policies_dir

VANTAGES = documents.load_vantages(policies_dir() / "examples" / "vantages.yaml")
FACTS = documents.load_facts(policies_dir() / "facts.yaml")

LOADERS: Mapping[str, Callable[[Path], object]] = {
    "authorisation": documents.load_authorisation,
    "baseline": lambda path: documents.load_baseline(path, vantages=VANTAGES),
    "facts": documents.load_facts,
    "framework": lambda path: documents.load_framework(path, FACTS),
    "segmentation": lambda path: documents.load_segmentation(path, vantages=VANTAGES),
    "service_rules": documents.load_service_rules,
    "settings": documents.load_settings,
    "tickets": documents.load_tickets,
    "vantages": documents.load_vantages,
    "waivers": documents.load_waivers,
}
