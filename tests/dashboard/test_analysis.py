"""Questions are loaded, bound and bounded."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

import firsttoken.store
from firsttoken_dashboard import analysis
from firsttoken_dashboard.analysis import Window, calls, overview, sources
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
