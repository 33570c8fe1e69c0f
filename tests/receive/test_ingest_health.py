"""How the ways in fare: at the health endpoint, in `firsttoken store info`, and for the dashboard's data page."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from firsttoken import store as stores
from firsttoken.store import ingest, maintenance
from firsttoken_dashboard import cli
from firsttoken_dashboard.receive.server import Address, Receiver
from tests.receive.conftest import Running
from tests.receive.otlp import request, span
from tests.store.spans import call


def until(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.02)


def test_the_health_endpoint_tells_rates_lag_and_what_was_turned_away(receiver: Running) -> None:
    assert receiver.post(request(span(1), span(2), span(3, span_id=b"")).SerializeToString()).status == 200
    assert receiver.post(b"\xff").status == 400
    told = receiver.get("/health").json()
    assert told["spans_stored"] == 2
    assert told["spans_per_s"] > 0
    assert told["spans_refused"] == {"span_id is not 8 bytes, or all zero": 1}
    assert told["requests_rejected"] == {"undecodable": 1}
    until(lambda: receiver.get("/health").json()["spans_beside_the_tables"] == 0)
    told = receiver.get("/health").json()
    assert told["lag_s"] == 0
    assert told["last_merge_s"] > 0


def test_the_receivers_word_is_there_for_other_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """While it runs, and after it stopped."""
    monkeypatch.setattr(ingest, "INTERVAL_S", 1.0)
    store = stores.open(tmp_path / "store.duckdb")
    with Receiver(store, Address(http_port=0, grpc_port=0)) as receiver:
        running = Running(receiver, store)
        assert running.post(request(span(1)).SerializeToString()).status == 200
        assert running.post(b"\xff").status == 400
        until(lambda: (report := ingest.read_report(store.path)) is not None and report.spans_stored == 1)
        report = ingest.read_report(store.path)
        assert report is not None
        assert (report.running, report.requests_rejected) == (True, (("undecodable", 1),))
    state = maintenance.info(store)
    assert state.receiver is not None
    assert not state.receiver.running
    assert (state.spans_last_minute, state.spans_last_hour) == (1, 1)
    assert cli.main(["store", "info", "--store", str(store.path)]) == 0
    assert "1 requests rejected: undecodable" in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"written_unix_s": "soon"}', b"\xff"])
def test_a_word_that_cannot_be_read_is_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "store.duckdb"
    assert ingest.read_report(path) is None
    ingest.report_file(path).write_bytes(content)
    assert ingest.read_report(path) is None


def test_lag_is_how_long_the_first_of_what_waits_has_waited(tmp_path: Path) -> None:
    store = stores.open(tmp_path / "store.duckdb")
    filled = stores.SpanBatch()
    filled.add_record(call(1))
    store.append_batch(filled)
    with store.read():
        stores.open(store.path).append_batch(filled, patience_s=0)
        time.sleep(0.05)
        assert 0.05 <= maintenance.info(stores.open(store.path)).lag_s < 5
