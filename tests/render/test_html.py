from __future__ import annotations

import base64
import hashlib
import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from evidence_samples import HOSTILE_TEXTS, hostile, little, much, typical
from portproof.contracts import Renderer
from portproof.errors import RenderError
from portproof.render.html import HtmlRenderer
from portproof.render.neutral import PEER_LIMIT

REPORTS = Path(__file__).parents[2] / "reports"
GOLDEN = Path(__file__).parent / "golden/little.html"


class Elements(HTMLParser):
    """Every element of a page with its attributes, and all its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def written(document: object, out: Path) -> str:
    renderer: Renderer = HtmlRenderer(REPORTS)
    return renderer.render(document, out).read_text(encoding="utf-8")  # type: ignore[arg-type]


def test_the_report_of_a_little_run_is_the_golden_file(tmp_path: Path) -> None:
    page = re.sub(
        r"<style>.*?</style>", "<style></style>", written(little(), tmp_path), flags=re.DOTALL
    )
    page = re.sub(r"sha256-[^']+'", "sha256-…'", page)
    if os.environ.get("PORTPROOF_UPDATE_GOLDEN"):
        GOLDEN.write_text(page, encoding="utf-8")
    assert page == GOLDEN.read_text(encoding="utf-8"), (
        "look at the change, then set PORTPROOF_UPDATE_GOLDEN=1"
    )


def test_equal_documents_give_equal_bytes(tmp_path: Path) -> None:
    assert written(typical(), tmp_path / "a") == written(typical(), tmp_path / "b")


@pytest.mark.parametrize("name", ["typical", "hostile", "much"])
def test_the_page_loads_nothing_and_links_only_to_itself(name: str, tmp_path: Path) -> None:
    page = Elements(
        written({"typical": typical, "hostile": hostile, "much": much}[name](), tmp_path)
    )
    tags = {tag for tag, _ in page.found}
    assert not tags & {
        "script",
        "img",
        "iframe",
        "object",
        "embed",
        "link",
        "base",
        "form",
        "audio",
        "video",
        "use",
        "image",
    }
    for tag, attributes in page.found:
        assert not [
            name
            for name in attributes
            if name.startswith("on") or name in ("src", "style", "srcset", "background")
        ]
        assert tag == "a" or "href" not in attributes
        assert (attributes.get("href") or "#").startswith("#")


def test_the_policy_admits_this_style_sheet_and_nothing_else(tmp_path: Path) -> None:
    page = written(little(), tmp_path)
    (style,) = re.findall(r"<style>(.*?)</style>", page, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert f'<meta http-equiv="Content-Security-Policy" content="{policy}">' in page
    assert "url(" not in style
    assert "@import" not in style


def test_hostile_text_is_shown_and_never_acts(tmp_path: Path) -> None:
    page = written(hostile(), tmp_path)
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069\ufffe]", page
    )
    shown = "".join(Elements(page).text)
    assert "<script>alert(1)</script>" in shown
    assert "\\x1b[2J" in shown
    assert "safe\\u202egnp.exe" in shown
    assert "{{ 7 * 7 }}" in shown


def test_a_banner_of_ten_kilobytes_is_cut_and_says_so(tmp_path: Path) -> None:
    assert max(len(text) for text in HOSTILE_TEXTS) == 10_240
    page = written(hostile(), tmp_path)
    assert f"[{10_240 - PEER_LIMIT:,} more characters]" in page
    assert "A" * 2_001 not in page


def test_the_page_says_its_language_and_title(tmp_path: Path) -> None:
    page = written(little(), tmp_path)
    assert page.lstrip().startswith('<!doctype html>\n<html lang="en">')
    assert (
        "<title>Network exposure of the customer portal · Example Payments Ltd · PP-2026-0001</title>"
        in page
    )


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(RenderError, match=r"^cannot write .*report\.html"):
        written(little(), tmp_path / "out")
