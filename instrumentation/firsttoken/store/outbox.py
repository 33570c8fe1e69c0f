"""Spans that could not go into the store now: Parquet segments in a directory beside it.

A segment is written under another name, synced and renamed, so that one that is there is whole. The next holder of
the write lock takes them in and deletes them after its commit; a segment seen twice is deduplicated like any span.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from . import transfer
from .batch import SpanBatch

if TYPE_CHECKING:
    import duckdb

#: Bytes that the outbox may hold; beyond it the oldest segments go, and are counted.
BOUND: Final = 256 * 2**20
#: Why segments beyond the bound are gone, in the table `drops`.
OVERFLOW: Final = "outbox full"
#: Segments taken in by one holder of the lock, so that draining a long backlog does not hold everyone up.
SEGMENTS_AT_ONCE: Final = 16
#: A half-written segment this old (seconds) was left by a process that died.
_ABANDONED_S: Final = 3600

_sequence = itertools.count()


class Segment(NamedTuple):
    """A file of the outbox."""

    path: Path
    spans: int
    size: int


def directory(store: Path) -> Path:
    """Where the segments of `store` lie."""
    return store.with_name(store.name + ".outbox")


def spill(store: Path, batch: SpanBatch, connection: duckdb.DuckDBPyConnection) -> Path:
    """Writes `batch` as a segment through a connection in memory, durable on return.

    Raises:
        OSError, duckdb.Error: even that failed.
    """
    folder = directory(store)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = f"{time.time_ns():020}-{os.getpid()}-{next(_sequence)}-{len(batch)}.parquet"
    unfinished = folder / f"{name}.part"
    path = str(unfinished).replace("'", "''")
    try:
        transfer.load(connection, batch)
        connection.execute(f"COPY incoming TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
        _sync(unfinished)
    except BaseException:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise
    finished = unfinished.rename(folder / name)
    _sync(folder)
    _keep_bound(folder)
    return finished


def take_in(connection: duckdb.DuckDBPyConnection, store: Path, batch: SpanBatch) -> None:
    """Writes `batch` and what waits in the outbox to the attached store, in one transaction where that works.

    A segment that DuckDB refuses is kept under another name and counted as dropped; it must not stop all others.
    """
    import duckdb

    waiting = [segment.path for segment in segments(store)[:SEGMENTS_AT_ONCE]]
    notes = drop_notes(store)
    try:
        _write(connection, batch, waiting)
    except (duckdb.DataError, duckdb.ProgrammingError):
        if not waiting:
            raise
        _write(connection, batch, [])
        for path in waiting:
            try:
                _write(connection, None, [path])
            except (duckdb.DataError, duckdb.ProgrammingError):
                path.rename(path.with_suffix(".refused"))
                transfer.count_drop(connection, _spans(path), "outbox segment refused")
    for path, spans in notes:
        transfer.count_drop(connection, spans, OVERFLOW)
        _remove(path)
    for path in waiting:
        _remove(path)


def segments(store: Path) -> list[Segment]:
    """The segments of `store`, oldest first."""
    found: list[Segment] = []
    for path in _entries(directory(store)):
        if path.suffix == ".parquet":
            with contextlib.suppress(OSError, ValueError):
                found.append(Segment(path, _spans(path), path.stat().st_size))
    return found


def drop_notes(store: Path) -> list[tuple[Path, int]]:
    """What segments that were dropped left behind, each with its number of spans."""
    return [(path, _spans(path)) for path in _entries(directory(store)) if path.suffix == ".dropped"]


def _write(connection: duckdb.DuckDBPyConnection, batch: SpanBatch | None, paths: list[Path]) -> None:
    transfer.load(connection, batch if batch is not None else SpanBatch())
    if paths:
        transfer.load_segments(connection, paths)
    connection.begin()
    try:
        transfer.store_incoming(connection)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


def _keep_bound(folder: Path) -> None:
    """Drops the oldest segments beyond the bound, each leaving an empty file whose name says how many spans it held."""
    now = time.time()
    sizes: list[tuple[Path, int]] = []
    for path in _entries(folder):
        with contextlib.suppress(OSError):
            status = path.stat()
            if path.suffix == ".parquet":
                sizes.append((path, status.st_size))
            elif path.suffix == ".part" and now - status.st_mtime > _ABANDONED_S:
                path.unlink()
    excess = sum(size for _, size in sizes) - BOUND
    for path, size in sizes:
        if excess <= 0:
            break
        with contextlib.suppress(OSError):
            os.truncate(path.rename(path.with_suffix(".dropped")), 0)
            excess -= size


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _spans(path: Path) -> int:
    """The number of spans that a segment's name tells."""
    return int(path.stem.rpartition("-")[2])


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        # Some file systems cannot sync a directory; a file they can.
        if path.is_file():
            raise
    finally:
        os.close(descriptor)
