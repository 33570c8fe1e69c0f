"""What `firsttoken store info | prune | export | rebuild` do. They run in our own commands, never in an application."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from . import ingest, outbox, retention, schema, transfer
from .connection import STORAGE_VERSION
from .ingest import ReceiverReport
from .store import Store

if TYPE_CHECKING:
    import duckdb

_TABLES: Final = ("spans", "calls", "recommendations", "drops")
#: Spans that `rebuild` derives at once: some 300 MB.
_REBUILD_SLICE: Final = 100_000


@dataclass(frozen=True, slots=True)
class StoreInfo:
    """The state of a store. Times are UTC and naive; None where there are no spans."""

    path: Path
    schema_version: int
    file_bytes: int
    used_bytes: int
    spans: int
    calls: int
    recommendations: int
    oldest: datetime | None
    newest: datetime | None
    services: tuple[str, ...]
    #: Calls by dialect, most first.
    dialects: tuple[tuple[str, int], ...]
    #: Spans that wait beside the store for the next writer, their files and bytes.
    outbox_spans: int
    outbox_segments: int
    outbox_bytes: int
    #: Seconds that the first of them waits.
    lag_s: float
    #: Spans that were accepted and then lost, by reason.
    drops: tuple[tuple[str, int], ...]
    #: Spans that began in the last minute, and in the last hour.
    spans_last_minute: int
    spans_last_hour: int
    #: What the last receiver said of itself; None where none ever wrote here.
    receiver: ReceiverReport | None


def info(store: Store) -> StoreInfo:
    """The state of `store`. Raises StoreError."""
    with store.read() as connection:
        segments = outbox.segments(store.path)  # which the reading has not taken in
        dropped = sum(spans for _, spans in outbox.drop_notes(store.path))
        counts = connection.execute(schema.sql("info.sql")).fetchone()
        if counts is None:  # an aggregate without GROUP BY always has its row
            raise AssertionError
        spans, oldest, newest, calls, recommendations, services, last_minute, last_hour = counts
        drops = dict(connection.execute("SELECT reason, sum(spans)::BIGINT FROM drops GROUP BY reason").fetchall())
        if dropped:
            drops[outbox.OVERFLOW] = drops.get(outbox.OVERFLOW, 0) + dropped
        return StoreInfo(
            path=store.path,
            schema_version=schema.SCHEMA_VERSION,
            file_bytes=store.path.stat().st_size,
            used_bytes=retention.used_bytes(connection),
            spans=spans,
            calls=calls,
            recommendations=recommendations,
            oldest=oldest,
            newest=newest,
            services=tuple(services or ()),
            dialects=tuple(
                connection.execute(
                    "SELECT dialect, count(*) FROM calls GROUP BY dialect ORDER BY count(*) DESC, dialect"
                ).fetchall()
            ),
            outbox_spans=sum(segment.spans for segment in segments),
            outbox_segments=len(segments),
            outbox_bytes=sum(segment.size for segment in segments),
            lag_s=max(0.0, time.time() - segments[0].laid_at) if segments else 0.0,
            drops=tuple(sorted(drops.items())),
            spans_last_minute=last_minute,
            spans_last_hour=last_hour,
            receiver=ingest.read_report(store.path),
        )


def prune(store: Store, *, days: float | None = None, size: int | None = None) -> tuple[int, int]:
    """Deletes what is older than `days` or beyond `size` bytes, and gives the space back to the file system.

    None takes the retention in force. Returns the file's bytes before and after. Raises StoreError, OSError.
    """
    before = store.path.stat().st_size if store.path.exists() else 0
    smaller = store.path.with_name(store.path.name + ".pruned")
    with store.write() as connection:
        retention.retain(connection, days, size)
        smaller.unlink(missing_ok=True)
        connection.execute(f"ATTACH '{quoted(smaller)}' AS pruned (STORAGE_VERSION '{STORAGE_VERSION}')")
        try:
            connection.execute("COPY FROM DATABASE store TO pruned")
        except BaseException:
            connection.execute("DETACH pruned")
            smaller.unlink(missing_ok=True)
            raise
        connection.execute("DETACH pruned")
        # Detached first, so that nothing of the old file is written after the new one took its name; the lock is held.
        connection.execute("USE memory")
        connection.execute("DETACH store")
        smaller.replace(store.path)
        connection.execute(f"ATTACH '{quoted(store.path)}' AS store")
        connection.execute("USE store")
    return before, store.path.stat().st_size


def export(store: Store, directory: Path) -> list[Path]:
    """Copies every table to a Parquet file in `directory`, which is made. Raises StoreError, OSError."""
    directory.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    with store.read() as connection:
        for table in _TABLES:
            file = directory / f"{table}.parquet"
            connection.execute(f"COPY {table} TO '{quoted(file)}' (FORMAT parquet, COMPRESSION zstd)")
            files.append(file)
    return files


def rebuild(store: Store, progress: Callable[[int, int], None] | None = None) -> int:
    """Derives all calls anew from the spans, in one transaction; gives their number.

    Args:
        store: the store; an older one is brought forward.
        progress: called with the spans done and all spans.

    Raises:
        StoreError: it cannot be written to.
    """
    with store.write() as connection:
        connection.begin()
        try:
            connection.execute("DELETE FROM calls")
            total = _count(connection, "spans")
            slices = max(1, math.ceil(total / _REBUILD_SLICE))
            done = 0
            for since, until in _slices(connection, slices):
                connection.execute(
                    "CREATE OR REPLACE TEMP TABLE derive_from AS SELECT * FROM spans"
                    " WHERE start_time >= $since::TIMESTAMP_NS AND start_time < $until::TIMESTAMP_NS",
                    {"since": since, "until": until},
                )
                transfer.derive(connection)
                done += _count(connection, "derive_from")
                if progress is not None:
                    progress(min(done, total), total)
            connection.commit()
        except BaseException:
            connection.rollback()
            raise
        return _count(connection, "calls")


def _slices(connection: duckdb.DuckDBPyConnection, slices: int) -> list[tuple[str, str]]:
    """Half-open ranges of start times that hold about the same number of spans, as text with nanoseconds."""
    parts = [part / slices for part in range(1, slices)]
    row = connection.execute(
        "SELECT list_transform(quantile_disc(start_time, $parts::DOUBLE[]), lambda start: start::VARCHAR) FROM spans",
        {"parts": parts or [0.0]},
    ).fetchone()
    inner: list[str] = row[0] if row and row[0] and parts else []
    edges = ["1970-01-01", *dict.fromkeys(inner), "infinity"]
    return list(itertools.pairwise(edges))


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - a name of our own
    return int(row[0]) if row else 0


def quoted(path: Path) -> str:
    """A path for between single quotes in SQL."""
    return str(path).replace("'", "''")
