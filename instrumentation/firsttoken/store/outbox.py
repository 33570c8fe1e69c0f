"""Spans that could not go into the store now: Parquet segments in a directory beside it.

A segment is written under another name, synced and renamed, so that one that is there is whole. The next holder of
the write lock takes them in and deletes them after its commit; a segment seen twice is deduplicated like any span.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from . import transfer
from .batch import SpanBatch

if TYPE_CHECKING:
    import duckdb

#: Bytes that the outbox may hold; beyond it the oldest segments go, and are counted.
BOUND: Final = 256 * 2**20
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
    try:
        transfer.load(connection, batch)
        connection.execute(
            f"COPY incoming TO '{_quoted(unfinished)}' (FORMAT parquet, COMPRESSION zstd)"  # noqa: S608 - a path
        )
    except BaseException:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise
    _sync(unfinished)
    finished = folder / name
    unfinished.rename(finished)
    _sync(folder)
    _keep_bound(folder)
    return finished


def segments(store: Path) -> list[Segment]:
    """The segments of `store`, oldest first."""
    found: list[Segment] = []
    try:
        entries = sorted(directory(store).iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    for path in entries:
        if path.suffix == ".parquet":
            with contextlib.suppress(OSError, ValueError):
                found.append(Segment(path, int(path.stem.rpartition("-")[2]), path.stat().st_size))
    return found


def take_drops(store: Path) -> list[tuple[Path, int]]:
    """Notes of segments that were dropped, each with its number of spans; delete them once they are counted."""
    return [(path, int(path.stem.rpartition("-")[2])) for path in directory(store).glob("*.dropped")]


def remove(paths: Iterable[Path]) -> None:
    """Deletes segments or notes that are in the store now."""
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink()


def _keep_bound(folder: Path) -> None:
    """Drops the oldest segments beyond the bound, each leaving a note of how many spans it held."""
    now = time.time()
    entries: list[tuple[Path, int]] = []
    for path in sorted(folder.iterdir()):
        with contextlib.suppress(OSError):
            status = path.stat()
            if path.suffix == ".parquet":
                entries.append((path, status.st_size))
            elif path.suffix == ".part" and now - status.st_mtime > _ABANDONED_S:
                path.unlink()
    excess = sum(size for _, size in entries) - BOUND
    for path, size in entries:
        if excess <= 0:
            break
        with contextlib.suppress(OSError):
            path.rename(path.with_suffix(".dropped"))
            os.truncate(path.with_suffix(".dropped"), 0)
            excess -= size


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        if path.is_file():
            raise
    finally:
        os.close(descriptor)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
