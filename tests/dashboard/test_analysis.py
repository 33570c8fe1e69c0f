"""Questions are loaded, bound and bounded."""

from __future__ import annotations

import dataclasses
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import duckdb
import pytest

import firsttoken.store
from firsttoken.store import SpanBatch, StoreError
from firsttoken_dashboard import analysis
from firsttoken_dashboard.analysis import Window, calls, overview, sites, sources
from firsttoken_dashboard.app import reading
from firsttoken_dashboard.app.reading import Reader


def test_a_question_that_lacks_a_value_or_gets_one_too_many_says_which(simulated: Path):
    with firsttoken.store.open(simulated).read() as con:
        with pytest.raises(TypeError, match="wants a value for grain"):
            analysis.rows(con, "headroom", Window())
        with pytest.raises(TypeError, match="has no parameter nonsense"):
            analysis.rows(con, "extent", Window(), nonsense=1)


def test_a_window_with_a_zone_means_the_same_moment_as_without():
    zoned = datetime(2026, 11, 22, 12, tzinfo=timezone(timedelta(hours=2)))
    assert Window(since=zoned).parameters() == Window(since=datetime(2026, 11, 22, 10)).parameters()


def test_a_window_s_scores_are_the_sum_of_its_services(simulated: Path):
    with Reader(firsttoken.store.open(simulated)) as reader:
        whole = reader.ask(overview.scores, Window())
        each = [reader.ask(overview.scores, Window(service=name)) for name in reader.ask(overview.services)]
    assert whole.n_calls == sum(one.n_calls for one in each) == 4000
    assert whole.cost_usd == pytest.approx(sum(one.cost_usd or 0 for one in each))
    assert whole.ttft_p50_s is not None
    assert whole.ttft_p95_s is not None
    assert whole.ttft_p50_s < whole.ttft_p95_s


def test_figures_over_time_and_by_model_are_cuts_of_the_same_calls(simulated: Path):
    with Reader(firsttoken.store.open(simulated)) as reader:
        whole = reader.ask(overview.scores, Window())
        cut = reader.ask(overview.measured, Window(), "hour")
        con = reader.connection()
        by_hand = con.execute("""
            SELECT
                date_trunc('hour', start_time)::TIMESTAMP AS moment,
                coalesce(response_model, request_model) AS model,
                quantile_cont(ttft_s, 0.5),
                sum(cost_usd)
            FROM priced_calls
            GROUP BY moment, model
        """).fetchall()
    assert cut.scores == dataclasses.replace(
        whole, cost_usd=pytest.approx(whole.cost_usd), waited_s=pytest.approx(whole.waited_s)
    )
    assert sum(one.n_calls for one in cut.course) == sum(one.n_calls for one in cut.benchmark) == whole.n_calls
    assert [one.moment for one in cut.course] == sorted({at for at, *_ in by_hand})
    assert {(one.moment, one.model): (one.ttft_p50_s, one.cost_usd) for one in cut.by_model} == {
        (at, model): (ttft_s, pytest.approx(cost)) for at, model, ttft_s, cost in by_hand
    }


def test_calls_cost_together_what_they_cost_one_by_one_whatever_decides_the_price(tmp_path: Path):
    from tests.dashboard.conftest import span

    haiku = {"gen_ai.request.model": "claude-haiku-5-5", "gen_ai.response.model": "claude-haiku-5-5"}
    opus = {"gen_ai.request.model": "claude-opus-5-5", "gen_ai.response.model": "claude-opus-5-5"}
    cached = {
        "gen_ai.usage.input_tokens": 9000,
        "gen_ai.usage.cache_read.input_tokens": 5000,
        "gen_ai.usage.cache_write.input_tokens": 3000,
        "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": 1000,
    }
    kinds = [
        {},
        cached,
        {**haiku, "gen_ai.usage.input_tokens": 90_000},
        {**haiku, "gen_ai.usage.input_tokens": 190_000},
        {**opus, **cached, "anthropic.speed": "fast"},
        {**opus, "anthropic.service_tier": "batch"},
        {**opus, "anthropic.inference_geo": "us"},
        {"gen_ai.usage.output_tokens": None},
        {"gen_ai.request.model": "somebody-s-model", "gen_ai.response.model": "somebody-s-model"},
    ]
    store = firsttoken.store.open(tmp_path / "kinds.duckdb")
    store.append([span(number, attributes=kinds[number % len(kinds)]) for number in range(5 * len(kinds))])
    with Reader(store) as reader:
        one_by_one = reader.connection().execute("SELECT cost_usd FROM priced_calls").fetchall()
        dollars = [cost for (cost,) in one_by_one if cost is not None]
        assert len({round(cost, 9) for cost in dollars}) >= 5
        together = reader.ask(overview.scores, Window())
        assert together.cost_usd == pytest.approx(sum(dollars))
        assert together.n_unpriced == len(one_by_one) - len(dollars)
        assert reader.ask(calls.count, Window(), calls.Filter()).cost_usd == pytest.approx(sum(dollars))
        assert sum(one.cost_usd or 0 for one in reader.ask(sites.by_site, Window())) == pytest.approx(sum(dollars))


def test_a_window_without_calls_has_no_figures_and_no_zeros_in_their_place(simulated: Path):
    with Reader(firsttoken.store.open(simulated)) as reader:
        empty = reader.ask(overview.measured, Window(service="nobody"), "hour")
    assert empty.scores == overview.Scores(0, 0, None, None, None, None, None, None, 0, None)
    assert (empty.course, empty.by_model, empty.benchmark) == ([], [], [])


def test_a_trace_shows_calls_whose_spans_are_not_stored_and_nothing_of_another_day(simulated: Path):
    with Reader(firsttoken.store.open(simulated)) as reader:
        con = reader.connection()
        (longest,) = con.execute(
            "SELECT trace_id FROM calls GROUP BY trace_id ORDER BY count(*) DESC, trace_id LIMIT 1"
        ).fetchall()[0]
        n, at = con.execute("SELECT count(*), min(start_time) FROM calls WHERE trace_id = $1", [longest]).fetchall()[0]
        spans = reader.ask(calls.trace, longest, at)
        assert sum(one.model is not None for one in spans) == n > 1
        assert sum(one.parent_span_id is None for one in spans) == 1
        assert reader.ask(calls.trace, longest, at + timedelta(days=2)) == []


@pytest.mark.parametrize("order", calls.ORDERS)
@pytest.mark.parametrize("way", ["up", "down"])
def test_calls_come_in_the_order_that_was_asked_for_those_without_a_value_last(simulated: Path, order: str, way: str):
    descending = way == "down"
    with Reader(firsttoken.store.open(simulated)) as reader:
        listed = reader.ask(calls.page, Window(), calls.Filter(), order=order, descending=descending, size=4000)
    name = {
        "started": "started",
        "duration": "duration_s",
        "ttft": "ttft_s",
        "rate": "tokens_per_second",
        "input": "input_tokens",
        "output": "output_tokens",
        "cost": "cost_usd",
    }[order]
    values = [getattr(one, name) for one in listed]
    known = [value for value in values if value is not None]
    assert len(values) == 4000
    assert values == sorted(known, reverse=descending) + [None] * (len(values) - len(known))


@pytest.mark.parametrize("order", calls.ORDERS)
def test_pages_of_calls_follow_each_other_without_gap_or_repeat(simulated: Path, order: str):
    with Reader(firsttoken.store.open(simulated)) as reader:
        chosen = calls.Filter(model="claude-opus-5")
        n = reader.ask(calls.count, Window(), chosen).n_calls
        seen = [
            one.span_id
            for skip in range(0, n, 100)
            for one in reader.ask(calls.page, Window(), chosen, order=order, size=100, skip=skip)
        ]
    assert len(seen) == len(set(seen)) == n


def test_an_answer_is_remembered_until_the_store_changes(tmp_path: Path):
    from tests.dashboard.conftest import span

    store = firsttoken.store.open(tmp_path / "x.duckdb")
    store.append([span(1)])
    with Reader(store) as reader:
        first = reader.ask(overview.extent)
    with Reader(store) as reader:
        assert reader.ask(overview.extent) is first
    store.append([span(2)])
    with Reader(store) as reader:
        assert reader.ask(overview.extent).n_calls == 2


def test_a_part_that_draws_itself_again_asks_a_long_question_a_quarter_of_the_time_and_a_quick_one_always(
    tmp_path: Path,
):
    from tests.dashboard.conftest import span

    store = firsttoken.store.open(tmp_path / "busy.duckdb")
    store.append([span(1)])

    def long(con: duckdb.DuckDBPyConnection, tag: str) -> int:
        del tag
        time.sleep(0.5)
        return overview.extent(con).n_calls

    with Reader(store, calm=True) as reader:
        assert reader.ask(long, "kept") == 1
    batch = SpanBatch()
    batch.add_record(span(2))
    store.lay_beside(batch)  # at once, while an append may take as long as the answer is kept
    with Reader(store, calm=True) as reader:
        assert reader.ask(long, "kept") == 1
        assert reader.unsettled
    with Reader(store) as reader:
        assert reader.ask(long, "kept") == 2
        assert reader.ask(overview.extent).n_calls == 2


@pytest.mark.parametrize(
    ("limit_s", "question", "told"),
    [
        (0.3, "SELECT count(*) FROM range(10000000) AS a, range(10000000) AS b", "took over"),
        (20.0, "SELECT quantile_cont(i, 0.5) FROM range(20000000) AS r (i)", "more calls than a page has memory"),
    ],
)
def test_a_question_beyond_its_time_or_memory_is_one_sentence_that_says_what_to_do(
    simulated: Path, monkeypatch: pytest.MonkeyPatch, limit_s: float, question: str, told: str
):
    monkeypatch.setattr(reading, "LIMIT_S", limit_s)
    store = firsttoken.store.open(simulated, memory_limit="40MB")

    def ask(con: duckdb.DuckDBPyConnection) -> object:
        return con.execute(question).fetchall()

    with Reader(store) as reader, pytest.raises(StoreError, match=f"{told}.*choose a shorter"):
        reader.ask(ask)


@pytest.mark.parametrize(
    "question",
    [
        "DELETE FROM calls",
        "SELECT 1; SELECT 2",
        "COPY calls TO '/tmp/copied.csv'",
        "ATTACH '/tmp/other.duckdb'",
        "INSTALL httpfs",
        "SET memory_limit = '10GB'",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM glob('/*')",
        "EXPLAIN ANALYZE DELETE FROM calls",
        "nonsense",
    ],
)
def test_the_sql_box_reads_the_store_and_nothing_else(simulated: Path, question: str):
    with firsttoken.store.open(simulated).read() as con, pytest.raises(sources.QuestionError):
        sources.free(con, question)


def test_the_sql_box_stops_what_takes_too_long(simulated: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sources, "LIMIT_S", 0.3)
    with (
        firsttoken.store.open(simulated).read() as con,
        pytest.raises(sources.QuestionError, match="Stopped after"),
    ):
        sources.free(con, "SELECT count(*) FROM range(10000000) AS a, range(10000000) AS b")
