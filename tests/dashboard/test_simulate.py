"""`firsttoken simulate` makes calls that look like an application's."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest

import firsttoken.store
from firsttoken_dashboard.simulate import fill

NOON = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)


def test_the_same_seed_makes_the_same_calls_in_any_number_of_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from firsttoken_dashboard import simulate

    sums: list[object] = []
    for name, batch in (("one", 4000), ("many", 400)):
        monkeypatch.setattr(simulate, "BATCH", batch)
        store = firsttoken.store.open(tmp_path / f"{name}.duckdb", memory_limit="512MB")
        fill(store, 2000, days=1, seed=7, until=NOON)
        with store.read() as con:
            sums.append(con.execute("SELECT count(*), bit_xor(hash(span_id, duration_s)) FROM calls").fetchone())
    assert sums[0] == sums[1]


def test_the_calls_hold_together(simulated: Path):
    with firsttoken.store.open(simulated).read() as con:
        wrong = con.execute("""
            SELECT count(*) FROM calls
            WHERE NOT simulated OR duration_s <= 0 OR end_time < start_time
                OR ttft_s > duration_s OR time_to_first_text_s < ttft_s OR (ttft_s IS NOT NULL AND NOT stream)
                OR input_tokens <> uncached_input_tokens + cache_read_tokens + cache_write_tokens
                OR thinking_tokens > output_tokens OR (error_type IS NOT NULL AND output_tokens IS NOT NULL)
        """).fetchone()
        kinds = con.execute("""
            SELECT count(DISTINCT service_name), count(DISTINCT request_model), count(DISTINCT code_file),
                count(error_type) > 0, bool_or(attempts > 1), bool_or(cache_read_tokens > 0)
            FROM calls
        """).fetchone()
        roots = con.execute("SELECT count(*) FROM spans WHERE kind = 'SERVER'").fetchone()
    assert wrong == (0,)
    assert kinds == (5, 6, 8, True, True, True)
    assert roots is not None
    assert roots[0] > 0


def test_a_trace_is_one_request_of_one_site(simulated: Path):
    with firsttoken.store.open(simulated).read() as con:
        shared = con.execute("""
            SELECT trace_id FROM calls
            GROUP BY trace_id
            HAVING count(DISTINCT code_function) > 1 OR max(start_time) - min(start_time) > INTERVAL 1 HOUR
        """).fetchall()
    assert shared == []
