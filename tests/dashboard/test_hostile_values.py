"""Values from spans are text on every page, whatever they look like."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

import firsttoken.store
from firsttoken.store import SpanRecord
from firsttoken_dashboard.analysis import Window
from firsttoken_dashboard.analysis.calls import Filter
from firsttoken_dashboard.app import exporting
from tests.dashboard.conftest import Open, serving, span, walk_to, whole

PAYLOADS = (
    "<script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    "[click](javascript:window.pwned=1)",
    "![](http://192.0.2.1/leak.png)",  # an address that nobody has: asking for it fails the test
    "$\\href{javascript:window.pwned=1}{x}$ :red[x] `x` **x**",
    "\"'><svg onload=window.pwned=1>",
    "=HYPERLINK(1)\x00\x1b[31m\u202e",
)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory):
    path = tmp_path_factory.mktemp("hostile") / "hostile.duckdb"
    firsttoken.store.open(path).append([_call(number) for number in range(6 * len(PAYLOADS))])
    with serving(path) as address:
        yield address, path


def _call(number: int) -> SpanRecord:
    bad = PAYLOADS[number % len(PAYLOADS)]
    return span(
        number,
        name=bad,
        service=bad,
        attributes={
            "gen_ai.request.model": bad,
            "gen_ai.response.model": bad,
            "gen_ai.request.stream": False,
            "gen_ai.usage.output_tokens": 900,
            "gen_ai.request.reasoning.level": bad,
            "code.file.path": f"/{bad}",
            "code.function.name": bad,
            "error.type": bad,
            "anthropic.request.id": bad,
            "anthropic.message.stop_reason": bad,
            "firsttoken.prompt.blocks": [f"system:{bad}:9000:-", f"messages:{number:016x}:10:-"],
            "firsttoken.client.id": f"{bad}{number}",
            "process.pid": 1,
        },
    )


ADDRESSES = (
    "",
    "recommendations?hints=true",
    "calls",
    "sites",
    "caching",
    "models",
    "compare",
    "errors",
    "data",
    *(f"calls?call={number + 1:016x}" for number in range(len(PAYLOADS))),
)


def test_no_payload_is_active_on_any_page_and_each_reads_as_it_was_recorded(hostile: tuple[str, Path], open_page: Open):
    page = open_page(f"{hostile[0]}/")
    # Before its first drawing Streamlit knows no page to walk to.
    whole(page)
    for address in ADDRESSES:
        walk_to(page, f"/{address}")
        page.get_by_role("progressbar").first.wait_for(state="detached")
        page.wait_for_timeout(200)  # our own elements draw themselves after the last text
        assert page.evaluate("window.pwned") is None, address
        planted = "img[src*='192.0.2.1'], img[onerror], a[href^='javascript'], svg[onload]"
        assert page.locator(planted).count() == 0, address
        assert page.get_by_text("This app has encountered an error").count() == 0, address
    walk_to(page, f"/calls?call={1:016x}")
    whole(page)
    page.get_by_text(PAYLOADS[0]).first.wait_for()


def test_no_value_in_an_exported_file_is_a_formula(hostile: tuple[str, Path], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FIRSTTOKEN_STORE", str(hostile[1]))
    told = exporting.as_csv(Window(), Filter(), "started", descending=True).decode("utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(told, newline="")) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert any(cell.startswith("'=HYPERLINK") for cell in cells)


def test_no_query_parameter_breaks_a_page(pages: str, open_page: Open):
    page = open_page(f"{pages}/calls")
    for query in (
        "model=<script>", "order=x;drop", "page=-1", "page=99999999", "span=<b>", "call='--", "trace=%00",
        "site=..%2F..%2Fetc:x", "columns=<b>", "duration=1;2", "outcome=',", "service=%00",
    ):  # fmt: skip
        page.goto(f"{pages}/calls?{query}")
        page.get_by_text("Times are UTC.").wait_for()
        assert page.get_by_text("This app has encountered an error").count() == 0, query
