"""The pages as people use them: in a browser, over a store that an application fills."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

import firsttoken.store
from tests.dashboard.conftest import Open, Serve, span

if TYPE_CHECKING:
    from playwright.sync_api import Page

ADDRESSES = ("", "recommendations", "calls", "sites", "caching", "models", "compare", "errors", "data")


def whole(page: Page) -> None:
    """Wait until the page has drawn its last element, and our own elements have drawn themselves."""
    page.get_by_text("Times are UTC.").wait_for()
    page.get_by_role("progressbar").first.wait_for(state="detached")
    page.wait_for_function("""() => {
        const shadows = [...document.querySelectorAll("*")].map((one) => one.shadowRoot).filter(Boolean);
        const roots = shadows.map((shadow) => shadow.querySelector(".root")).filter(Boolean);
        return roots.length > 0 && roots.every((root) => root.childElementCount > 0);
    }""")


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
def test_each_page_fits_a_desk_and_a_telephone_without_an_error(
    pages: str, open_page: Open, address: str, width: int, theme: str
):
    page = open_page(f"{pages}/{address}?span=all", width=width, theme=theme)
    whole(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.get_by_text("This app has encountered an error").count() == 0
    assert page.get_by_text("Simulated: none of these calls").count() == 1
    assert "span=all" in page.url


def test_the_overview_says_how_the_calls_score_in_units(pages: str, open_page: Open):
    page = open_page(f"{pages}/?span=all")
    whole(page)
    scores = page.get_by_role("group")
    scores.filter(has_text="Calls").first.get_by_text("4,000").wait_for()
    assert " s" in scores.filter(has_text="TTFT p95").inner_text()
    assert "tok/s" in scores.filter(has_text="Speed p50").inner_text()
    assert "$" in scores.filter(has_text="Cost").inner_text()
    table = page.get_by_role("region", name="Benchmark per model")
    table.get_by_text("Field guide, by family").wait_for()
    assert table.get_by_text("claude-opus-5-5").count() == 1


def test_from_a_recommendation_to_its_calls_to_one_call_and_back(pages: str, open_page: Open):
    page = open_page(f"{pages}/recommendations?span=all")
    whole(page)
    card = page.locator("[class*=st-key-finding-]").first
    where = card.locator(".where").first.inner_text()
    card.get_by_role("link", name="calls").first.click()
    page.wait_for_url("**/calls?*site=*")
    rows = page.get_by_role("region", name="Calls", exact=True).locator("tbody tr")
    rows.first.wait_for()
    file = where.split(":")[0].rsplit("/", 1)[-1]
    assert all(file in row.inner_text() for row in rows.all())
    rows.first.get_by_role("link").click()
    page.get_by_role("list", name="The call's life").wait_for()
    assert "call=" in page.url
    assert page.get_by_text(where.split(" in ")[0]).count() >= 1
    page.get_by_role("button", name="All calls").click()
    rows.first.wait_for()
    assert "call=" not in page.url


def test_a_link_shows_a_colleague_the_same_filtered_page(pages: str, open_page: Open):
    page = open_page(f"{pages}/calls?span=all&model=claude-opus-5&order=-duration&page=2")
    whole(page)
    rows = page.get_by_role("region", name="Calls", exact=True).locator("tbody tr")
    assert all("claude-opus-5" in row.inner_text() for row in rows.all())
    page.get_by_text("26–50 of").wait_for()
    first = rows.first.inner_text()
    page.reload()
    whole(page)
    assert rows.first.inner_text() == first


def test_a_column_sorts_by_keyboard_and_the_address_keeps_the_order(pages: str, open_page: Open):
    page = open_page(f"{pages}/calls?span=all")
    whole(page)
    page.get_by_role("button", name="Cost").focus()
    page.keyboard.press("Enter")
    page.locator("th[aria-sort=descending]", has_text="Cost").wait_for()
    assert "order=-cost" in page.url


def test_a_new_call_appears_within_two_seconds_and_the_page_stays_where_it_was(
    tmp_path: Path, serve: Serve, open_page: Open
):
    store = tmp_path / "live.duckdb"
    firsttoken.store.open(store).append([span(number) for number in range(30)])
    address = serve(store)
    page = open_page(f"{address}/")
    whole(page)
    calls = page.get_by_role("group").filter(has_text="Calls").first
    calls.get_by_text("30", exact=True).wait_for()
    models = page.get_by_role("region", name="Benchmark per model")
    page.wait_for_timeout(1500)
    models.scroll_into_view_if_needed()
    before = models.bounding_box()
    script = (
        "import sys, firsttoken.store\n"
        "sys.path.insert(0, '.')\n"
        "from tests.dashboard.conftest import span\n"
        f"firsttoken.store.open({str(store)!r}).append([span(100)])\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
    began = time.monotonic()
    calls.get_by_text("31", exact=True).wait_for(timeout=5000)
    assert time.monotonic() - began < 2
    after = models.bounding_box()
    assert before is not None
    assert after is not None
    assert abs(after["y"] - before["y"]) < 2


def test_a_page_that_is_paused_holds_still(tmp_path: Path, serve: Serve, open_page: Open):
    store = tmp_path / "paused.duckdb"
    firsttoken.store.open(store).append([span(number) for number in range(30)])
    address = serve(store)
    page = open_page(f"{address}/?live=false")
    whole(page)
    firsttoken.store.open(store).append([span(100)])
    page.wait_for_timeout(2500)
    assert page.get_by_role("group").filter(has_text="Calls").first.get_by_text("30", exact=True).count() == 1


def test_without_a_store_the_page_says_what_to_run_and_shows_the_first_call_by_itself(
    tmp_path: Path, serve: Serve, open_page: Open
):
    store = tmp_path / "none.duckdb"
    address = serve(store)
    page = open_page(f"{address}/")
    page.get_by_text("No calls yet").wait_for()
    page.get_by_text("opentelemetry-instrument python app.py").wait_for()
    page.get_by_text("firsttoken demo").wait_for()
    firsttoken.store.open(store).append([span(1)])
    page.get_by_role("group").filter(has_text="Calls").first.wait_for(timeout=8000)


def test_a_window_without_calls_leads_to_the_calls_there_are(tmp_path: Path, serve: Serve, open_page: Open):
    store = tmp_path / "old.duckdb"
    firsttoken.store.open(store).append([span(number, ago_s=3 * 86400) for number in range(3)])
    address = serve(store)
    page = open_page(f"{address}/?span=1h")
    page.get_by_role("button", name="Show all calls").click()
    page.get_by_role("group").filter(has_text="Calls").first.wait_for()
    # All calls are where a page begins whose store has been still for a day: the address need not say so.
    page.wait_for_url(lambda url: "span=1h" not in url)


def test_a_file_that_is_no_store_is_one_sentence_on_the_page(tmp_path: Path, serve: Serve, open_page: Open):
    store = tmp_path / "notes.txt"
    store.write_text("not a database")
    address = serve(store)
    page = open_page(f"{address}/")
    page.get_by_text("is not a DuckDB file").wait_for()


def test_the_sql_box_answers_a_select_and_refuses_to_write_or_read_files(pages: str, open_page: Open):
    page = open_page(f"{pages}/data")
    whole(page)
    box = page.get_by_role("textbox", name="SQL")

    def run(question: str) -> None:
        box.fill(question)
        box.press("Control+Enter")

    run("SELECT count(*) AS how_many FROM calls")
    page.get_by_role("region", name="Answer").get_by_text("4000").wait_for()
    run("DELETE FROM calls")
    page.get_by_text("Write one SELECT").wait_for()
    run("SELECT * FROM read_text('/etc/hostname')")
    page.get_by_text("file system operations are disabled").wait_for()


def test_a_dismissed_finding_leaves_the_list_keeps_its_reason_and_can_come_back(
    simulated: Path, tmp_path: Path, serve: Serve, open_page: Open
):
    store = tmp_path / "decided.duckdb"
    shutil.copy(simulated, store)
    address = serve(store)
    page = open_page(f"{address}/recommendations?span=all")
    whole(page)
    cards = page.locator("[class*=st-key-finding-]")
    before = cards.count()
    title = cards.first.get_by_role("heading").inner_text()
    cards.first.locator("summary", has_text="Dismiss").click()
    because = cards.first.get_by_label("Because")
    because.fill("it is a test")
    because.press("Enter")
    page.get_by_text("Show 1 snoozed or dismissed").wait_for()
    expect(cards).to_have_count(before - 1)
    with firsttoken.store.open(store).read() as con:
        told = con.execute("SELECT dismissed_because FROM recommendations WHERE state = 'dismissed'").fetchall()
    assert told == [("it is a test",)]
    page.get_by_text("Show 1 snoozed or dismissed").click()
    aside = cards.filter(has_text=title).filter(has_text="dismissed").first
    aside.get_by_role("button", name="Open it again").click()
    page.get_by_text("Show 1 snoozed or dismissed").wait_for(state="detached")
    expect(cards).to_have_count(before)


def test_the_filtered_calls_can_be_taken_along(pages: str, open_page: Open, tmp_path: Path):
    import csv

    import duckdb

    page = open_page(f"{pages}/calls?span=all&outcome=failed")
    whole(page)
    told = page.get_by_text(" failed, ").inner_text()
    for name in ("CSV", "Parquet"):
        with page.expect_download() as waiting:
            page.get_by_role("button", name=name).click()
        waiting.value.save_as(tmp_path / name)
    with (tmp_path / "CSV").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert f"of {len(rows)} calls" in told
    assert all(row["error_type"] for row in rows)
    assert duckdb.read_parquet(str(tmp_path / "Parquet")).fetchall()[0][0] in {row["span_id"] for row in rows}


def test_columns_that_are_not_wanted_go_and_the_address_keeps_that(pages: str, open_page: Open):
    page = open_page(f"{pages}/calls?span=all&columns=Model&columns=Cost")
    whole(page)
    heads = page.get_by_role("region", name="Calls", exact=True).locator("thead th")
    assert [head.inner_text().split()[0] for head in heads.all()] == ["Started", "Model", "Cost"]


def test_models_stand_side_by_side_and_a_site_is_priced_at_others(pages: str, open_page: Open):
    page = open_page(f"{pages}/models?span=all")
    whole(page)
    page.get_by_role("list", name="Time to first token").wait_for()
    rows = page.get_by_role("region", name="What the same calls would cost at another model").locator("tbody tr")
    assert "now" in rows.first.inner_text()
    assert rows.count() > 3


def test_two_halves_of_a_window_are_compared_site_by_site(pages: str, open_page: Open):
    page = open_page(f"{pages}/compare?span=all")
    whole(page)
    rows = page.get_by_role("region", name="What changed, site by site").locator("tbody tr")
    rows.first.wait_for()
    assert any("no difference seen" in row.inner_text() for row in rows.all())
