"""A receiver whose store cannot be written, or is behind, says so in a way that makes clients come back."""

from __future__ import annotations

from pathlib import Path

import pytest

from firsttoken import store
from firsttoken.store import SpanBatch
from firsttoken_dashboard.receive import writer
from firsttoken_dashboard.receive.decoded import Decoded
from firsttoken_dashboard.receive.health import Health
from firsttoken_dashboard.receive.otlp_protobuf import decode
from firsttoken_dashboard.receive.writer import OverloadedError, Writer
from tests.receive.conftest import Running, rows
from tests.receive.otlp import request, span


def test_a_store_that_cannot_be_written_is_a_503_with_retry_after_and_shows_in_health(receiver: Running) -> None:
    receiver.store.path.write_bytes(b"no database, but somebody's file" * 100)

    answer = receiver.post(request(span()).SerializeToString())

    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert receiver.get("/health").status == 503
    assert "not a DuckDB file" in receiver.get("/health").json()["store_error"]

    receiver.store.path.unlink()
    assert receiver.post(request(span()).SerializeToString()).status == 200
    assert receiver.get("/health").status == 200


def test_spans_beyond_what_may_wait_are_sent_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "MAX_WAITING", 5)
    opened = store.open(tmp_path / "store.duckdb")
    busy = Writer(opened, Health())

    # The first batch is taken whatever its size, so that a large one is not sent back for ever.
    durable = busy.submit(batch(range(1, 9)))
    with pytest.raises(OverloadedError):
        busy.submit(batch(range(9, 11)))

    durable.result(20)
    busy.close()
    assert rows(opened, "SELECT count(*) FROM spans") == [(8,)]


def test_closing_writes_what_waits_and_takes_no_more(tmp_path: Path) -> None:
    opened = store.open(tmp_path / "store.duckdb")
    closing = Writer(opened, Health())
    waiting = [closing.submit(batch([number])) for number in range(1, 21)]

    closing.close()

    assert all(durable.done() and durable.exception() is None for durable in waiting)
    assert rows(opened, "SELECT count(*) FROM spans") == [(20,)]
    with pytest.raises(OverloadedError):
        closing.submit(batch([21]))


def batch(numbers: range | list[int]) -> SpanBatch:
    decoded = Decoded()
    decode(request(*(span(number) for number in numbers)).SerializeToString(), decoded)
    return decoded.spans
