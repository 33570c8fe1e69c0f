"""How long spans stay, and what the commands do to the file."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from firsttoken.store import Store, maintenance, retention
from tests.store.spans import SECOND, START, call

DAY = 86_400 * SECOND


def count(store: Store, table: str) -> int:
    with store.read() as connection:
        row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    assert row is not None
    return row[0]


def test_what_is_older_than_thirty_days_goes_with_the_next_span(store: Store) -> None:
    """Days are counted back from the newest span, so that old traces can be imported."""
    store.append([call(1, start=START), call(2, start=START + 29 * DAY)])
    assert count(store, "spans") == 2
    store._retained_at = None
    store.append([call(3, start=START + 31 * DAY)])
    assert (count(store, "spans"), count(store, "calls")) == (2, 2)


@pytest.mark.parametrize("ever", ["inf", "1e12"])
def test_who_wants_to_keep_everything_may_say_so(store: Store, monkeypatch: pytest.MonkeyPatch, ever: str) -> None:
    monkeypatch.setenv(retention.DAYS_VARIABLE, ever)
    monkeypatch.setenv(retention.BYTES_VARIABLE, ever)
    store.append([call(1, start=0), call(2)])
    store._retained_at = None
    store.append([call(3)])
    assert count(store, "spans") == 3


def test_a_span_from_the_future_deletes_nothing(store: Store) -> None:
    store.append([call(1), call(2, start=7_000_000_000 * SECOND)])
    with store.write() as connection:
        retention.retain(connection)
    assert count(store, "spans") == 2


def test_beyond_its_size_the_store_forgets_the_oldest(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.append([call(n, {"firsttoken.prompt.blocks": [f"{n}" * 50] * 20}, start=START + n) for n in range(1, 3000)])
    with store.write() as connection:
        used = retention.used_bytes(connection)
    monkeypatch.setenv(retention.BYTES_VARIABLE, str(used // 2))
    with store.write() as connection:
        retention.retain(connection)
    with store.read() as connection:
        row = connection.execute("SELECT count(*), min(span_id) > ? FROM spans", [f"{1000:016x}"]).fetchone()
    assert row is not None
    assert 1000 < row[0] < 2000
    assert row[1], "the oldest went"


def test_prune_gives_the_space_back_and_keeps_the_rest(store: Store) -> None:
    store.append([call(n, {"firsttoken.request.hash": f"{n:0200}"}, start=START + n * DAY // 100) for n in range(4000)])
    before, after = maintenance.prune(store, days=10)
    assert after < before * 0.7
    assert store.path.stat().st_size == after
    assert count(store, "spans") == count(store, "calls") == 1001
    store.append([call(5000, start=START + 40 * DAY)])
    assert count(store, "spans") == 1002
    assert sorted(file.name for file in store.path.parent.iterdir()) == [
        "store.duckdb",
        "store.duckdb.lock",
        "store.duckdb.outbox",
        "store.duckdb.readers",
    ]


def test_export_copies_every_table(store: Store, tmp_path: Path) -> None:
    store.append([call(1), call(2)])
    files = maintenance.export(store, tmp_path / "it's a copy")
    assert [file.name for file in files] == [
        "spans.parquet",
        "calls.parquet",
        "recommendations.parquet",
        "drops.parquet",
    ]
    with duckdb.connect() as connection:
        rows = connection.execute("SELECT span_id FROM read_parquet($file)", {"file": str(files[1])}).fetchall()
    assert len(rows) == 2


def test_info_tells_the_state(store: Store) -> None:
    store.append([call(1), call(2, start=START + SECOND)])
    state = maintenance.info(store)
    assert (state.path, state.spans, state.calls, state.services) == (store.path, 2, 2, ("shop",))
    assert state.dialects == (("firsttoken", 2),)
    assert state.oldest is not None
    assert state.newest is not None
    assert (state.newest - state.oldest).total_seconds() == 1
    assert (state.outbox_spans, state.outbox_segments, state.outbox_bytes, state.drops) == (0, 0, 0, ())
    assert 0 < state.used_bytes <= state.file_bytes
