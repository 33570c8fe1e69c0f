"""The pages as people use them: in a browser, over a store that an application fills."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import expect

import firsttoken.store
from firsttoken_dashboard.demo.api import LookAlike
from tests.dashboard.conftest import Open, Serve, span, whole

if TYPE_CHECKING:
    from playwright.sync_api import Locator, WebSocketRoute


def test_from_the_first_page_to_a_finding_its_calls_one_call_its_fix_and_out_of_the_list(
    simulated: Path, tmp_path: Path, serve: Serve, open_page: Open
):
    store = tmp_path / "walked.duckdb"
    shutil.copy(simulated, store)
    page = open_page(f"{serve(store)}/?span=all")
    whole(page)
    page.get_by_role("region", name="What to change first").get_by_role("link").first.click()
    page.wait_for_url("**/recommendations?*finding=*")
    card = page.get_by_role("article")
    expect(card).to_have_count(1)
    title = card.get_by_role("heading").inner_text()
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
    assert page.get_by_role("link", name="What to change here").count() == 1
    page.go_back()
    rows.first.wait_for()
    page.go_back()
    page.wait_for_url("**/recommendations?*finding=*")
    whole(page)
    cards = page.get_by_role("article")
    page.get_by_role("button", name="All recommendations").click()
    cards.nth(1).wait_for()
    page.wait_for_function("document.querySelector('[data-testid=stApp]').dataset.testScriptState !== 'running'")
    whole(page)
    before = cards.count()
    card = cards.filter(has_text=title).filter(has_text=where).first
    card.locator("summary", has_text="Dismiss").click()
    because = card.get_by_label("Because")
    because.fill("it is a test")
    because.press("Enter")
    page.get_by_text("Show 1 snoozed or dismissed").wait_for()
    expect(cards).to_have_count(before - 1)
    with firsttoken.store.open(store).read() as con:
        told = con.execute("SELECT dismissed_because FROM recommendations WHERE state = 'dismissed'").fetchall()
    assert told == [("it is a test",)]
    page.get_by_text("Show 1 snoozed or dismissed").click()
    aside = cards.filter(has_text="dismissed: it is a test").first
    aside.get_by_role("button", name="Open it again").click()
    page.get_by_text("Show 1 snoozed or dismissed").wait_for(state="detached")
    expect(cards).to_have_count(before)


def test_a_fix_can_be_copied(pages: str, open_page: Open):
    page = open_page(f"{pages}/recommendations?span=all&live=false")
    whole(page)
    card = page.get_by_role("article").first
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    fix = card.get_by_role("region", name="After").inner_text()
    card.get_by_role("button", name="Copy the code after").click()
    card.get_by_text("Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()").split() == fix.split()


def test_a_finding_can_be_snoozed_until_a_day(simulated: Path, tmp_path: Path, serve: Serve, open_page: Open):
    store = tmp_path / "snoozed.duckdb"
    shutil.copy(simulated, store)
    page = open_page(f"{serve(store)}/recommendations?span=all")
    whole(page)
    cards = page.get_by_role("article")
    cards.first.locator("summary", has_text="Snooze").click()
    cards.first.get_by_role("button", name="For a week").click()
    page.get_by_text("Show 1 snoozed or dismissed").wait_for()
    with firsttoken.store.open(store).read() as con:
        (days,) = con.execute(
            "SELECT date_diff('day', state_since, snoozed_until) FROM recommendations WHERE state = 'snoozed'"
        ).fetchall()[0]
    assert days in {6, 7}


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


def test_the_first_page_answers_to_its_name_too_and_keeps_what_the_address_asks_for(pages: str, open_page: Open):
    page = open_page(f"{pages}/overview?span=7d")
    whole(page)
    assert page.url == f"{pages}/?span=7d"


def test_a_column_sorts_by_keyboard_and_the_address_keeps_the_order(pages: str, open_page: Open):
    page = open_page(f"{pages}/calls?span=all")
    whole(page)
    page.get_by_role("button", name="Cost").focus()
    page.keyboard.press("Enter")
    page.locator("th[aria-sort=descending]", has_text="Cost").wait_for()
    assert "order=-cost" in page.url


# Says when each of its calls has ended, and waits to be told to go on.
APPLICATION = """\
import sys, time, anthropic
client = anthropic.Anthropic(base_url=sys.argv[1], api_key="key")
for _ in sys.stdin:
    with client.messages.stream(
        model="claude-haiku-4-5", max_tokens=50, messages=[{"role": "user", "content": "Say yes."}]
    ) as stream:
        "".join(stream.text_stream)
    print(time.time(), flush=True)
"""


def test_a_new_call_of_a_running_script_appears_within_two_seconds_and_the_page_stays_where_it_was(
    claude_api: LookAlike, tmp_path: Path, serve: Serve, open_page: Open
):
    store = tmp_path / "live.duckdb"
    firsttoken.store.open(store).append([span(number) for number in range(30)])
    script = tmp_path / "app.py"
    script.write_text(APPLICATION)
    page = open_page(f"{serve(store)}/")
    whole(page)
    calls = page.get_by_role("group").filter(has_text="Calls").first
    calls.get_by_text("30", exact=True).wait_for()
    models = page.get_by_role("region", name="Benchmark per model")
    command = [str(Path(sys.executable).parent / "opentelemetry-instrument"), sys.executable, str(script)]
    with subprocess.Popen(
        [*command, claude_api.url],
        env={**os.environ, "FIRSTTOKEN_STORE": str(store)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as application:
        assert application.stdin is not None
        assert application.stdout is not None
        late: list[float] = []
        before = None
        for n in range(31, 35):
            application.stdin.write("go\n")
            application.stdin.flush()
            ended = float(application.stdout.readline())
            calls.get_by_text(str(n), exact=True).wait_for()
            late.append(time.time() - ended)
            if n == 31:  # its model has a row of its own now
                page.wait_for_timeout(1500)
                models.scroll_into_view_if_needed()
                before = top(models)
        after = top(models)
        application.stdin.close()
    # Where more processes want to run than the machine has processors, each of them takes as many times longer.
    crowd = os.getloadavg()[0] / (os.cpu_count() or 1)
    assert sorted(late)[1] < 2 * max(1.0, crowd), (late, crowd)
    assert before is not None
    assert abs(after - before) < 2


def top(element: Locator) -> float:
    """Where it stands on the screen; what is drawn anew just then stands nowhere for a moment."""
    for _ in range(20):
        box = element.bounding_box()
        if box is not None:
            return box["y"]
    raise AssertionError("it is not there")


def test_a_live_page_asks_for_nothing_while_the_store_stands_still(tmp_path: Path, serve: Serve, open_page: Open):
    store = tmp_path / "still.duckdb"
    firsttoken.store.open(store).append([span(number) for number in range(30)])
    sent: list[int] = []
    page = open_page("about:blank")
    page.on("websocket", lambda socket: socket.on("framesent", lambda told: sent.append(len(told))))
    page.goto(f"{serve(store)}/")
    whole(page)
    stretches: list[int] = []
    while not stretches or (stretches[-1] > 5 and len(stretches) < 10):  # until what is made beside the page is there
        before = len(sent)
        page.wait_for_timeout(4000)
        stretches.append(len(sent) - before)
    # Now and then each of the five parts is drawn again, because windows move.
    assert stretches[-1] <= 5, stretches


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
    page.get_by_role("group").filter(has_text="Calls").first.wait_for()


def test_a_window_without_calls_leads_to_the_calls_there_are(tmp_path: Path, serve: Serve, open_page: Open):
    store = tmp_path / "old.duckdb"
    firsttoken.store.open(store).append([span(number, ago_s=3 * 86400) for number in range(3)])
    address = serve(store)
    page = open_page(f"{address}/?span=1h")
    page.get_by_role("button", name="Show all calls").click()
    page.get_by_role("group").filter(has_text="Calls").first.wait_for()
    # All calls are where a page begins whose store has been still for a day: the address need not say so.
    page.wait_for_url(lambda url: "span=1h" not in url)


def test_the_filtered_calls_can_be_taken_along(pages: str, open_page: Open, tmp_path: Path):
    import csv

    import duckdb

    page = open_page(f"{pages}/calls?span=all&outcome=failed")
    whole(page)
    told = page.get_by_text(" failed, ").inner_text()
    for name in ("CSV", "Parquet"):
        with page.expect_download() as waiting:
            page.get_by_role("link", name=name).click()
        waiting.value.save_as(tmp_path / name)
    with (tmp_path / "CSV").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert f"of {len(rows)} calls" in told
    assert all(row["error_type"] for row in rows)
    assert duckdb.read_parquet(str(tmp_path / "Parquet")).fetchall()[0][0] in {row["span_id"] for row in rows}


def test_a_file_can_be_taken_from_a_page_that_shows_late_what_the_server_has_drawn(
    simulated: Path, tmp_path: Path, serve: Serve, open_page: Open
):
    store = tmp_path / "late.duckdb"
    shutil.copy(simulated, store)
    held: list[str | bytes] | None = None
    browsers: list[WebSocketRoute] = []

    def route(browser: WebSocketRoute) -> None:
        browsers.append(browser)
        browser.connect_to_server().on_message(lambda told: browser.send(told) if held is None else held.append(told))

    page = open_page("about:blank")
    page.route_web_socket("**/_stcore/stream", route)
    page.goto(f"{serve(store)}/calls?span=all&outcome=failed")
    whole(page)
    held = []
    firsttoken.store.open(store).append([span(10_000)])
    while not held:
        page.wait_for_timeout(200)
    page.wait_for_timeout(2000)
    late, held = held, None
    with page.expect_download() as waiting:
        page.get_by_role("link", name="CSV").click()
        for told in late:
            browsers[-1].send(told)
    assert waiting.value.failure() is None
