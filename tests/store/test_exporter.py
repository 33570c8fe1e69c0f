"""The exporter behind the SDK's own processor: everything arrives, and nothing ever reaches the application."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from firsttoken.exporter import DuckDBSpanExporter
from firsttoken.store import Store, outbox, sampling


def provider_into(path: Path) -> TracerProvider:
    provider = TracerProvider(
        resource=Resource.create({"service.name": "shop", "process.command_args": ["--key=SECRET"]})
    )
    provider.add_span_processor(BatchSpanProcessor(DuckDBSpanExporter(path)))
    return provider


def until_written() -> None:
    """Waits for the thread that takes an exporter's spans into the tables."""
    for thread in threading.enumerate():
        if thread.name == "firsttoken-store":
            thread.join(30)


def only_row(store: Store, question: str) -> tuple[Any, ...]:
    with store.read() as connection:
        rows = connection.execute(question).fetchall()
    assert len(rows) == 1
    return rows[0]


def test_a_span_arrives_as_it_was(store: Store) -> None:
    provider = provider_into(store.path)
    tracer = provider.get_tracer("firsttoken", "1.2")
    start = time.time_ns()
    linked = SpanContext(7, 8, is_remote=True, trace_flags=TraceFlags(1))
    with tracer.start_as_current_span("ask", kind=SpanKind.SERVER) as outer:
        inner = tracer.start_span(
            "chat claude",
            kind=SpanKind.CLIENT,
            attributes={"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 5},
            links=[Link(linked, {"note": "SECRET"})],
            start_time=start,
        )
        inner.add_event("firsttoken.attempt", {"error.type": "overloaded_error"}, timestamp=start + 1)
        inner.set_status(Status(StatusCode.ERROR, "Error code: 529 - SECRET"))
        inner.end(start + 1_000_000_000)
    provider.force_flush()
    row = only_row(
        store,
        """SELECT trace_id, parent_span_id, name, kind, epoch_ns(start_time), epoch_ns(end_time), status_code,
        status_message, scope_name, scope_version, service_name, resource ->> '$."service.name"', attributes::VARCHAR,
        events::VARCHAR, links::VARCHAR FROM spans WHERE parent_span_id IS NOT NULL""",
    )
    context = outer.get_span_context()
    assert row[:12] == (
        f"{context.trace_id:032x}",
        f"{context.span_id:016x}",
        "chat claude",
        "CLIENT",
        start,
        start + 1_000_000_000,
        "ERROR",
        "529",
        "firsttoken",
        "1.2",
        "shop",
        "shop",
    )
    assert json.loads(row[12]) == {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 5}
    assert json.loads(row[13])[0]["attributes"] == {"error.type": "overloaded_error"}
    assert json.loads(row[14]) == [{"trace_id": f"{7:032x}", "span_id": f"{8:016x}"}]
    assert only_row(store, "SELECT duration_s, error_type, http_status FROM calls") == (1.0, "overloaded_error", 529)
    provider.shutdown()
    assert all(b"SECRET" not in file.read_bytes() for file in store.path.parent.rglob("*") if file.is_file())


def test_everything_of_a_busy_application_arrives(store: Store) -> None:
    provider = provider_into(store.path)
    tracer = provider.get_tracer("firsttoken")
    for number in range(1500):
        tracer.start_span("chat", attributes={"gen_ai.operation.name": "chat", "process.pid": number}).end()
    provider.shutdown()
    assert only_row(store, "SELECT count(*), count(DISTINCT process_id) FROM calls") == (1500, 1500)


def test_off_records_nothing_and_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("FIRSTTOKEN_STORE", "off")
    monkeypatch.chdir(tmp_path)
    exporter = DuckDBSpanExporter()
    tracer = TracerProvider().get_tracer("firsttoken")
    span: Any = tracer.start_span("chat")
    span.end()
    assert exporter.export([span]) is SpanExportResult.SUCCESS
    assert list(tmp_path.iterdir()) == []
    assert caplog.records == []


def test_the_environment_names_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTTOKEN_STORE", str(tmp_path / "deep" / "calls.duckdb"))
    exporter = DuckDBSpanExporter()
    span: Any = TracerProvider().get_tracer("firsttoken").start_span("chat")
    span.end()
    assert exporter.export([span]) is SpanExportResult.SUCCESS
    until_written()
    assert (tmp_path / "deep" / "calls.duckdb").exists()


@pytest.mark.parametrize("obstacle", ["a file in the way", "someone else's file"])
def test_where_nothing_can_be_written_it_says_so_once_and_is_off(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, obstacle: str
) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a text that is no database, and longer than the place where DuckDB's mark would be")
    exporter = DuckDBSpanExporter(blocked / "store.duckdb" if obstacle == "a file in the way" else blocked)
    span: Any = TracerProvider().get_tracer("firsttoken").start_span("chat")
    span.end()
    with caplog.at_level(logging.WARNING):
        results = [exporter.export([span]) for _ in range(3)]
    assert results == [SpanExportResult.FAILURE, SpanExportResult.SUCCESS, SpanExportResult.SUCCESS]
    assert len(caplog.records) == 1
    assert "Traceback" not in caplog.text
    assert blocked.read_text().startswith("a text")


def test_spans_go_to_the_outbox_while_someone_reads(store: Store) -> None:
    """Never more than the half second, and nothing is lost."""
    provider = provider_into(store.path)
    tracer = provider.get_tracer("firsttoken")
    tracer.start_span("chat", attributes={"gen_ai.operation.name": "chat"}).end()
    provider.force_flush()
    until_written()
    with store.read():
        tracer.start_span("chat", attributes={"gen_ai.operation.name": "chat"}).end()
        provider.force_flush()
        assert [segment.spans for segment in outbox.segments(store.path)] == [1]
    tracer.start_span("chat", attributes={"gen_ai.operation.name": "chat"}).end()
    provider.shutdown()
    assert only_row(store, "SELECT count(*) FROM calls") == (3,)


@pytest.mark.parametrize(
    ("state", "probability"),
    [("ot=th:8", 0.5), ("ot=th:0", 1.0), ("v=1, ot=rv:1;th:c", 0.25)]
    + [
        (state, None)
        for state in ("", "ot=rv:1", "ot=th:x", "ot=th:", "ot=th:-8", "ot=th:123456789abcdef", "th:8", "=")
    ],
)
def test_the_samplers_threshold_tells_the_part_that_was_kept(state: str, probability: float | None) -> None:
    assert sampling.probability(state) == probability


def test_a_sampled_call_says_with_which_probability(store: Store) -> None:
    provider = provider_into(store.path)
    parent = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1), trace_state=TraceState([("ot", "th:c")]))
    provider.get_tracer("firsttoken").start_span(
        "chat",
        context=set_span_in_context(NonRecordingSpan(parent)),
        attributes={"gen_ai.operation.name": "chat"},
    ).end()
    provider.shutdown()
    assert only_row(store, "SELECT sampling_probability FROM calls") == (0.25,)


def test_an_error_of_many_lines_is_one_line_in_the_log(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_store: Store, _batch: object) -> None:
        raise ValueError("first line\nCandidates:\n  more")

    monkeypatch.setattr(Store, "deposit", refuse)
    exporter = DuckDBSpanExporter(store.path)
    assert exporter.export([]) is SpanExportResult.FAILURE
    assert [record.getMessage() for record in caplog.records] == ["firsttoken could not record 0 spans: first line"]


def test_a_busy_applications_spans_are_in_the_tables_when_it_ends(store: Store) -> None:
    """Between, most flushes only lay them beside the store."""
    provider = provider_into(store.path)
    tracer = provider.get_tracer("firsttoken")
    for _ in range(4):
        tracer.start_span("chat", attributes={"gen_ai.operation.name": "chat"}).end()
        provider.force_flush()
        until_written()
    assert [segment.spans for segment in outbox.segments(store.path)] == [1, 1, 1]
    provider.shutdown()
    assert outbox.segments(store.path) == []
    assert only_row(store, "SELECT count(*) FROM calls") == (4,)


SCRIPT = """
import sys
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
import firsttoken
assert "duckdb" not in sys.modules
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(firsttoken.DuckDBSpanExporter(sys.argv[1])))
assert "duckdb" not in sys.modules and "platformdirs" not in sys.modules, "nothing is loaded before the first span"
provider.get_tracer("firsttoken").start_span("chat", attributes={"gen_ai.operation.name": "chat"}).end()
"""


@pytest.mark.parametrize("ending", ["", "raise ValueError", "raise SystemExit(3)"])
def test_a_span_that_is_still_in_memory_at_the_end_is_written(store: Store, ending: str) -> None:
    """DuckDB is then loaded while the interpreter ends; pandas and pyarrow never are."""
    check = (
        "\nimport atexit\n@atexit.register\ndef check():\n"
        "    assert not {'pandas', 'pyarrow', 'numpy'} & set(sys.modules), 'too much is loaded'\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", check.replace("\nimport atexit", "import atexit, sys", 1) + SCRIPT + ending, store.path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "too much" not in done.stderr
    assert done.returncode == {"": 0, "raise ValueError": 1}.get(ending, 3), done.stderr
    assert only_row(store, "SELECT count(*) FROM calls") == (1,)
