"""What single pages say, drawn without a browser; `test_pages.py` looks at them in one."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, cast

import pytest
from streamlit.testing.v1 import AppTest

import firsttoken.store
from firsttoken_dashboard.advisor import states
from firsttoken_dashboard.advisor.findings import Site
from firsttoken_dashboard.advisor.followed import Followed
from tests.dashboard.conftest import span


@dataclass(frozen=True, slots=True)
class Drawn:
    """A page after a run: Streamlit's own elements, and the data of ours."""

    app: AppTest

    @property
    def data(self) -> list[dict[str, Any]]:
        found = [cast("Any", one).proto.json for one in self.app.get("bidi_component")]
        return [json.loads(text) for text in found]

    def table(self, caption: str) -> list[list[str]]:
        """The text of each cell, what stands under it added."""
        (found,) = [one for one in self.data if one.get("caption") == caption and "rows" in one]
        return [[_text(cell) for cell in row["cells"]] for row in found["rows"]]

    def score(self, label: str) -> dict[str, Any]:
        """The card with that label."""
        return next(card for one in self.data for card in one.get("cards", ()) if card["label"] == label)

    @property
    def words(self) -> str:
        app = self.app
        return "\n".join(
            str(one.value) for kind in (app.text, app.markdown, app.caption, app.error, app.warning) for one in kind
        )


def _text(cell: Any) -> str:
    if not isinstance(cell, dict):
        return "–" if cell is None else str(cell)
    told = cast("dict[str, Any]", cell)
    return " ".join(str(told[part]) for part in ("text", "sub") if told.get(part))


Draw = Callable[..., Drawn]


def page(view: str) -> None:
    """What Streamlit runs: one page, with the filters that every page has."""
    import importlib

    import streamlit as st

    from firsttoken_dashboard.app import filters, links, views

    pages = views.all_pages()
    st.navigation(pages, position="hidden")
    links.remember(pages)
    filters.bar([], None)
    importlib.import_module(f"firsttoken_dashboard.app.views.{view}").draw()


@pytest.fixture
def draw(monkeypatch: pytest.MonkeyPatch) -> Draw:
    """Draws a page over a store; runs it again until nothing more is being made beside it."""
    # AppTest leaves its script behind as the main module, which every process that is spawned later would run.
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])

    def drawn(store: Path, view: str, **query: str) -> Drawn:
        monkeypatch.setenv("FIRSTTOKEN_STORE", str(store))
        app = AppTest.from_function(page, args=(view,), default_timeout=30)
        for name, value in {"span": "all", **query}.items():
            app.query_params[name] = value
        app.run()
        until = time.monotonic() + 20
        while app.get("progress") and time.monotonic() < until:
            time.sleep(0.1)
            app.run()
        assert [one.value for one in app.exception] == []
        return Drawn(app)

    return drawn


def test_the_sql_box_answers_a_select_and_refuses_to_write_or_read_files(simulated: Path, draw: Draw):
    drawn = draw(simulated, "data")

    def run(question: str) -> None:
        drawn.app.text_area(key="question").set_value(question)
        drawn.app.button[1].click().run()

    run("SELECT count(*) AS how_many FROM calls")
    assert drawn.table("Answer") == [["4000"]]
    run("DELETE FROM calls")
    assert "Write one SELECT" in drawn.words
    run("SELECT * FROM read_text('/etc/hostname')")
    assert "file system operations are disabled" in drawn.words.replace("\\", "")


def test_the_data_page_tells_how_much_there_is_and_whether_anything_was_lost(simulated: Path, draw: Draw):
    drawn = draw(simulated, "data")
    assert drawn.score("Calls")["value"] == "4,000"
    assert drawn.score("Lost")["value"] == "0"
    assert drawn.score("Kept for")["value"] == "30 days"
    assert {row[0] for row in drawn.table("Where calls come from")} >= {"support-chat", "code-agent"}


def test_two_halves_of_a_window_are_compared_site_by_site(simulated: Path, draw: Draw):
    rows = draw(simulated, "compare").table("What changed, site by site")
    assert any("no difference seen" in cell for row in rows for cell in row)


def test_two_stores_in_one_folder_are_compared(tmp_path: Path, draw: Draw):
    for name, first_token in (("old", 0.5), ("new", 0.9)):
        told = {"gen_ai.response.time_to_first_chunk": first_token}
        calls = [span(number, attributes=told) for number in range(30)]
        firsttoken.store.open(tmp_path / f"{name}.duckdb").append(calls)
    drawn = draw(tmp_path / "new.duckdb", "compare", a="all of old.duckdb", b="all of new.duckdb")
    (row,) = drawn.table("What changed, site by site")
    assert "500 ms → 900 ms" in row[2]
    assert "worse" in row[2]


def test_models_stand_side_by_side_and_a_site_is_priced_at_others(simulated: Path, draw: Draw):
    drawn = draw(simulated, "models")
    assert [one for one in drawn.data if one.get("caption") == "Time to first token"]
    rows = drawn.table("What the same calls would cost at another model")
    assert "now" in rows[0][0]
    assert len(rows) > 3


def test_a_window_without_calls_says_where_there_are_some(tmp_path: Path, draw: Draw):
    store = tmp_path / "old.duckdb"
    firsttoken.store.open(store).append([span(1, ago_s=3 * 86400)])
    for view in ("overview", "calls", "sites", "caching", "models", "errors", "recommendations"):
        drawn = draw(store, view, span="1h")
        assert "No calls here" in drawn.words, view
        assert "Show all calls" in [one.label for one in drawn.app.button], view


def test_the_overview_tells_what_changed_since_the_last_deploy(tmp_path: Path, draw: Draw):
    store = tmp_path / "deployed.duckdb"
    before = [_versioned(number, "1.0", first_token_s=0.5) for number in range(30)]
    after = [_versioned(number, "1.1", first_token_s=0.9) for number in range(30, 60)]
    firsttoken.store.open(store).append([*before, *after])
    drawn = draw(store, "overview")
    assert "shop went from 1.0 to 1.1" in drawn.words
    assert "30 calls since, 30 before" in drawn.words
    rows = drawn.table("What changed since the last deploy")
    assert rows[0][1:] == ["time to first token", rows[0][2]]
    assert rows[0][2].startswith("500 ms → 900 ms worse")


def _versioned(number: int, version: str, *, first_token_s: float) -> firsttoken.store.SpanRecord:
    told = {"gen_ai.response.time_to_first_chunk": first_token_s}
    one = span(number, ago_s=600 - 5 * number, attributes=told)
    return one._replace(resource=json.dumps({"service.name": "shop", "service.version": version}))


def test_the_overview_sets_field_guide_and_published_figures_beside_its_own(simulated: Path, draw: Draw):
    drawn = draw(simulated, "overview")
    (table,) = [one for one in drawn.data if one.get("caption") == "Benchmark per model"]
    assert [label for label, _ in table["groups"]] == [
        "", "Measured here", "Field guide, by family", "Published", ""
    ]  # fmt: skip
    assert "claude-opus-5-5" in {row[0] for row in drawn.table("Benchmark per model")}


def test_a_site_s_prompts_show_what_is_shared_what_was_missed_and_what_else_they_would_cost(tmp_path: Path, draw: Draw):
    store = tmp_path / "cached.duckdb"
    told: list[firsttoken.store.SpanRecord] = []
    for number in range(8):
        hit = 0 < number < 6  # the last two wrote again, after 20 minutes
        told.append(
            span(
                number,
                ago_s=4000 - 30 * number - (0 if number < 6 else -1200 + 1800 * (number - 5)),
                attributes={
                    "gen_ai.usage.input_tokens": 9050,
                    "gen_ai.usage.cache_read.input_tokens": 9000 if hit else 0,
                    "gen_ai.usage.cache_write.input_tokens": 0 if hit else 9000,
                    "firsttoken.time_to_headers": 0.3,
                    "firsttoken.prompt.blocks": [
                        "tools:00000000000000aa:20000:-",
                        "system:00000000000000bb:16000:5m",
                        f"messages:{number:016x}:200:-",
                    ],
                },
            )
        )
    firsttoken.store.open(store).append(told)
    drawn = draw(store, "caching")
    (tree,) = [one for one in drawn.data if one.get("caption") == "Prefix tree"]
    assert [(lane["name"], lane["value"]) for lane in tree["lanes"]] == [
        ("tools, system", "8 calls"),
        ("8 others", "8 calls"),
    ]
    assert tree["lanes"][0]["moments"], "the mark at the end of the shared prefix"
    causes = drawn.table("Why the cache missed")
    assert causes[0][0].startswith("expired")
    options = {row[0].rsplit(" ", 1)[0]: row for row in drawn.table("What else the input would have cost")}
    assert options["No caching"][1] == "0 %"
    assert options["Your marks, 1 h"][1] > options["Your marks, 5 min"][1]


def test_a_change_that_was_made_shows_what_it_was_measured_to_save(tmp_path: Path, draw: Draw):
    store = firsttoken.store.open(tmp_path / "changed.duckdb")
    told: list[firsttoken.store.SpanRecord] = []
    for number in range(60):
        model = "claude-opus-5-5" if number < 30 else "claude-haiku-5-5"
        named = {"gen_ai.request.model": model, "gen_ai.response.model": model}
        told.append(span(number, ago_s=700 - 10 * number, attributes=named))
    store.append(told)
    middle = datetime.now(timezone.utc).replace(tzinfo=None) - timedelta(seconds=405)
    row = Followed(
        id="0123456789ab",
        rule="use-smaller-model",
        title="Opus answers what Haiku could",
        kind="finding",
        site=Site("shop", "/app/shop.py", 7, "reply"),
        model="claude-opus-5-5",
        key="",
        state="applied",
        since=middle,
        first_seen=middle,
        last_seen=middle,
        applied_at=middle,
        said=True,
        finding={"title": "Opus answers what Haiku could"},
    )
    states.keep(store, [row])
    drawn = draw(store.path, "recommendations")
    (card,) = [one for one in drawn.data if one.get("title") == row.title]
    value, label, interval, no_saving = card["figures"][0]
    assert value.startswith("$")
    assert (label, no_saving) == ("saved per 1,000 calls", False)
    assert interval
    assert [badge for badge, _, tone in card["badges"] if tone == "good"] == ["verified"]
    assert dict(card["evidence"])["Before"].endswith("n = 30")
    assert "1 change made so far, and measured to help" in drawn.words


@pytest.mark.parametrize(("runs", "times"), [(0, 0), (1, 1), (2, 0)])
def test_after_a_first_run_of_the_demo_the_recommendations_say_how_to_run_it_mended(
    tmp_path: Path, draw: Draw, runs: int, times: int
):
    demo = '{"service.name": "firsttoken-demo", "firsttoken.simulated": "true"}'
    calls = [
        span(number)._replace(resource='{"service.name": "shop", "firsttoken.simulated": "true"}')
        for number in range(25)
    ]
    seals = [
        span(90 + run, name="firsttoken demo", service="firsttoken-demo")._replace(attributes="{}", resource=demo)
        for run in range(runs)
    ]
    store = tmp_path / "demo" / "firsttoken-demo.duckdb"
    firsttoken.store.open(store).append([*calls, *seals])
    drawn = draw(store, "recommendations")
    assert [one.value for one in drawn.app.code].count("firsttoken demo --fixed --no-dashboard") == times


def test_a_recommendation_can_be_pointed_at_and_shows_alone(simulated: Path, draw: Draw):
    cards = [one for one in draw(simulated, "recommendations").data if "actions" in one]
    assert len(cards) > 1
    href = next(link for one in cards for label, link in one["links"] if "calls" in label)
    assert href.startswith("calls?")
    (first,) = [one for one in draw(simulated, "overview").data if one.get("caption") == "What to change first"]
    wanted = first["rows"][0]["href"].rpartition("finding=")[2]
    alone = [one for one in draw(simulated, "recommendations", finding=wanted).data if "actions" in one]
    assert len(alone) == 1


def test_every_rule_says_whether_it_found_something_and_if_it_could_not_judge_why(simulated: Path, draw: Draw):
    rows = draw(simulated, "recommendations").table("What was checked")
    assert {row[1] for row in rows} <= {"found", "good", "not judged"}
    assert all(row[2] for row in rows if row[1] == "not judged")


def test_a_file_that_is_no_store_is_one_sentence_on_the_page(tmp_path: Path, draw: Draw):
    store = tmp_path / "notes.duckdb"
    store.write_text("not a database")
    assert "is not a DuckDB file" in draw(store, "overview").words.replace("\\", "")


def test_columns_that_are_not_wanted_go(simulated: Path, draw: Draw):
    drawn = draw(simulated, "calls", columns="Cost")
    (table,) = [one for one in drawn.data if one.get("caption") == "Calls"]
    assert [column["label"] for column in table["columns"]] == ["Started", "Cost"]


def test_a_filter_that_the_address_names_is_shown_also_where_the_window_has_no_such_call(simulated: Path, draw: Draw):
    drawn = draw(simulated, "calls", span="1h", model="claude-opus-3", site="/srv/gone.py:7").app
    assert drawn.selectbox(key="model").value == "claude-opus-3"
    assert drawn.selectbox(key="site_shown").value == "/srv/gone.py:7"
    there = draw(simulated, "calls").app.selectbox(key="model").options
    assert {"claude-opus-5", "claude-haiku-4-5"} <= set(there)
    assert "claude-opus-3" not in there


def test_calls_are_narrowed_to_a_range_of_durations(simulated: Path, draw: Draw):
    def calls(**query: str) -> int:
        told = next(one.value for one in draw(simulated, "calls", **query).app.caption if " of " in one.value)
        return int(told.split(" of ")[1].split(" calls")[0].replace(",", ""))

    ranges = ("under 1 s", "1 to 5 s", "5 to 20 s", "20 to 60 s", "over 1 min")
    parts = [calls(duration=one) for one in ranges]
    assert sum(parts) == calls() == 4000
    assert calls(duration="over 5 s") == sum(parts[2:])
    assert min(parts[:3]) > 0
