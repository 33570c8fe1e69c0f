"""How fast are spans durable in the store, with content filter, deduplication and calls: a table.

    python benchmarks/store/append.py [--spans 40000]

Prints a table: per batch size, microseconds a span for filling the batch (Python) and for appending it (DuckDB, one
transaction each, file closed after each), spans per second, CPU per span, and the file's bytes per call; then the
exporter's CPU inside an application that flushes every second: of a flush alone, and of all that share one writing
into the tables (half a minute's, or 10,000 spans), together with that.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from firsttoken import store as stores
from firsttoken.exporter import DuckDBSpanExporter
from firsttoken.store import deposits

#: Writings into the tables that an exporter's figures are the mean of.
WRITINGS = 5
SPANS_AT_ONCE = deposits.DEPOSIT_SPANS
RESOURCE = {"service.name": "bench", "service.version": "1", "service.instance.id": "i-1"}


def attributes(draw: random.Random) -> dict[str, Any]:
    """A streamed call as our own instrumentation writes it: 24 attributes, twelve prompt blocks, some 1,100 bytes."""
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": "claude-haiku-4-5",
        "gen_ai.response.model": "claude-haiku-4-5",
        "gen_ai.response.id": f"msg_{draw.getrandbits(96):024x}",
        "gen_ai.request.max_tokens": 1024,
        "gen_ai.request.stream": True,
        "gen_ai.usage.input_tokens": draw.randrange(1100, 9000),
        "gen_ai.usage.output_tokens": draw.randrange(1, 900),
        "gen_ai.usage.cache_read.input_tokens": 1000,
        "gen_ai.usage.cache_write.input_tokens": 100,
        "gen_ai.response.time_to_first_chunk": draw.random(),
        "anthropic.message.stop_reason": "end_turn",
        "firsttoken.time_to_headers": draw.random(),
        "firsttoken.output_tokens_per_second": draw.random() * 100,
        "firsttoken.client.id": "c-1",
        "firsttoken.client.calls": draw.randrange(1000),
        "firsttoken.connection.new": False,
        "firsttoken.prompt.blocks": [
            f"messages:{draw.getrandbits(64):016x}:{draw.randrange(4000)}:-" for _ in range(12)
        ],
        "firsttoken.request.hash": f"{draw.getrandbits(64):016x}",
        "server.address": "api.anthropic.com",
        "code.file.path": "/srv/app/main.py",
        "code.line.number": draw.randrange(500),
        "code.function.name": "answer",
    }


def fill(draw: random.Random, spans: int, start: int) -> stores.SpanBatch:
    """A batch of unique calls, ten milliseconds apart."""
    batch = stores.SpanBatch(keep_content=False)
    for number in range(spans):
        began = start + number * 10**7
        batch.add(
            trace_id=f"{draw.getrandbits(128):032x}",
            span_id=f"{draw.getrandbits(64):016x}",
            parent_span_id=None,
            name="chat claude-haiku-4-5",
            kind="CLIENT",
            start_time=began,
            end_time=began + 10**9,
            status_code="UNSET",
            status_message=None,
            scope_name="firsttoken",
            scope_version="1",
            resource=RESOURCE,
            attributes=attributes(draw),
        )
    return batch


def appended(directory: Path, size: int, total: int, *, memory_limit: str | None) -> None:
    """One row of the table."""
    draw = random.Random(size)
    path = directory / f"{size}-{memory_limit}.duckdb"
    store = stores.open(path, memory_limit=memory_limit)
    now = time.time_ns() - total * 10**7
    store.append_batch(fill(draw, 1, now))
    filling = writing = 0.0
    cpu = time.process_time()
    for done in range(0, total, size):
        began = time.perf_counter()
        batch = fill(draw, size, now + done * 10**7)
        filled = time.perf_counter()
        store.append_batch(batch)
        filling += filled - began
        writing += time.perf_counter() - filled
    cpu = time.process_time() - cpu
    print(
        f"{size:>7} {memory_limit or 'application':>12} {filling / total * 1e6:>8.1f} {writing / total * 1e6:>8.1f}"
        f" {total / (filling + writing):>9,.0f} {cpu / total * 1e6:>8.1f} {path.stat().st_size / total:>8.0f}"
    )


def exported(directory: Path, size: int) -> None:
    """The exporter's CPU time per flush and span, of spans of the real SDK, over some writings into the tables."""
    batches = min(int(deposits.DEPOSIT_S), math.ceil(SPANS_AT_ONCE / size))
    memory = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource.create(RESOURCE))
    provider.add_span_processor(SimpleSpanProcessor(memory))
    tracer = provider.get_tracer("firsttoken", "1")
    draw = random.Random(1)
    exporter = DuckDBSpanExporter(directory / f"exporter-{size}.duckdb")
    # Half a minute passes in no time: so many flushes, and then the tables.
    deposits.DEPOSIT_SPANS = min(SPANS_AT_ONCE, batches * size)
    spent: list[float] = []
    writings = 0.0
    for writing in range(-2, WRITINGS):
        memory.clear()
        for _ in range(size * batches):
            tracer.start_span("chat claude-haiku-4-5", attributes=attributes(draw)).end()
        spans: tuple[ReadableSpan, ...] = memory.get_finished_spans()
        for number in range(batches):
            began, mine = time.process_time(), time.thread_time()
            exporter.export(spans[number * size : (number + 1) * size])
            mine = time.thread_time() - mine
            # The tables are written in a thread, which is waited for so that it counts here.
            for thread in threading.enumerate():
                if thread.name == "firsttoken-store":
                    thread.join()
            if writing >= 0:  # the first ones load DuckDB and begin the file
                spent.append(mine)
                writings += time.process_time() - began - mine
    exporter.shutdown()
    flush, together = sorted(spent)[len(spent) // 2], (sum(spent) + writings) / len(spent)
    print(
        f"{size:>7} {flush * 1e3:>12.1f} {flush / size * 1e6:>12.1f}"
        f" {together * 1e3:>21.1f} {together / size * 1e6:>12.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=40_000)
    chosen = parser.parse_args()
    print(f"Python {sys.version.split()[0]}")
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        print("  batch       limits  fill µs  append µs  spans/s  cpu µs  bytes/call")
        for size in (100, 1000, 10_000):
            total = max(size * 2, chosen.spans * size // 10_000)
            appended(directory, size, total, memory_limit=None)
        appended(directory, 10_000, chosen.spans, memory_limit="2GB")
        print("\nexporter in an application\n  batch  cpu ms/flush  cpu µs/span  with writing ms/flush  cpu µs/span")
        for size in (1, 50, 512):
            exported(directory, size)


if __name__ == "__main__":
    main()
