"""Spans that do not go into the store now: segments in a directory beside it.

A segment is the JSON text of a batch's columns: some 5 µs a span to write, without DuckDB. It is written under another
name, synced and renamed, so that one that is there is whole. The next holder of the write lock takes it in and deletes
it after its commit; a segment seen twice is deduplicated like any span.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from . import transfer
from .batch import COLUMNS, LATEST, TIME_COLUMNS, SpanBatch

if TYPE_CHECKING:
    import duckdb

#: Bytes that the outbox may hold; beyond it the oldest segments go, and are counted.
BOUND: Final = 256 * 2**20
#: Why segments beyond the bound are gone, in the table `drops`.
OVERFLOW: Final = "outbox full"
#: Bytes (and one segment more) taken in by one holder of the lock, so that a long backlog does not hold everyone up.
BYTES_AT_ONCE: Final = 16 * 2**20
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


def spill(store: Path, batch: SpanBatch) -> Path:
    """Writes `batch` as a segment, durable on return.

    Raises:
        OSError: even that failed.
    """
    folder = directory(store)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = f"{time.time_ns():020}-{os.getpid()}-{next(_sequence)}-{len(batch)}.json"
    unfinished = folder / f"{name}.part"
    columns = dict(zip(COLUMNS, batch.columns, strict=True))
    try:
        with unfinished.open("xb") as file:
            file.write(json.dumps(columns, separators=(",", ":")).encode())
            file.flush()
            os.fsync(file.fileno())
        finished = unfinished.rename(folder / name)
    except BaseException:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise
    _sync(folder)
    _keep_bound(folder)
    return finished


def withdraw(segment: Path) -> None:
    """Removes a segment, and its directory where that leaves it empty: the store beside it is not one of ours."""
    _remove(segment)
    with contextlib.suppress(OSError):
        segment.parent.rmdir()


def take_in(connection: duckdb.DuckDBPyConnection, store: Path, batch: SpanBatch) -> None:
    """Writes `batch` and what waits in the outbox to the attached store, in one transaction where that works.

    A segment that cannot be read, or that DuckDB refuses, is kept under another name and counted as dropped; it must
    not stop all others.
    """
    notes = drop_notes(store)
    together = SpanBatch()
    together.extend(batch)
    taken: list[tuple[Path, SpanBatch]] = []
    for path in _next_segments(store):
        spans = SpanBatch()
        try:
            spans.extend_columns(_columns(path))
        except FileNotFoundError:  # beyond the bound: whoever spilled just now has dropped it
            continue
        except ValueError:
            _refuse(connection, path)
            continue
        together.extend(spans)
        taken.append((path, spans))
    try:
        _write(connection, together)
    except refusals():
        if not taken:
            raise
        _write(connection, batch)
        for path, spans in taken:
            try:
                _write(connection, spans)
            except refusals():
                _refuse(connection, path)
    for path, dropped in notes:
        transfer.count_drop(connection, dropped, OVERFLOW)
        _remove(path)
    for path, _ in taken:
        _remove(path)


def refusals() -> tuple[type[Exception], ...]:
    """What is raised for spans that cannot be stored however often it is tried."""
    import duckdb

    return duckdb.DataError, duckdb.ProgrammingError, duckdb.IntegrityError, UnicodeEncodeError


def oldest(store: Path) -> str | None:
    """The name of the first thing that waits for the next holder of the lock; names sort by time."""
    return min(_waiting(store), default=None)


def newest(store: Path) -> str | None:
    """The name of the last thing that waits."""
    return max(_waiting(store), default=None)


def segments(store: Path) -> list[Segment]:
    """The segments of `store`, oldest first."""
    found: list[Segment] = []
    for path in _entries(directory(store)):
        if path.suffix == ".json":
            with contextlib.suppress(OSError, ValueError):
                found.append(Segment(path, _spans(path), path.stat().st_size))
    return found


def drop_notes(store: Path) -> list[tuple[Path, int]]:
    """What segments that were dropped left behind, each with its number of spans."""
    return [(path, _spans(path)) for path in _entries(directory(store)) if path.suffix == ".dropped"]


def _waiting(store: Path) -> list[str]:
    return [path.name for path in _entries(directory(store)) if path.suffix in {".json", ".dropped"}]


def _next_segments(store: Path) -> list[Path]:
    chosen: list[Path] = []
    size = 0
    for segment in segments(store):
        chosen.append(segment.path)
        size += segment.size
        if size > BYTES_AT_ONCE:
            break
    return chosen


def _columns(path: Path) -> list[list[Any]]:
    """A segment's columns. Raises FileNotFoundError, ValueError."""
    told: object = json.loads(path.read_bytes())
    if not isinstance(told, dict):
        raise ValueError(path)  # noqa: TRY004 - the file is wrong, not the caller
    segment = cast("dict[str, Any]", told)
    columns = [segment.get(name) for name in COLUMNS]
    if not all(isinstance(column, list) for column in columns):
        raise ValueError(path)
    whole = cast("list[list[Any]]", columns)
    if len({len(column) for column in whole}) != 1:
        raise ValueError(path)
    for name, column in zip(COLUMNS, whole, strict=True):
        if name in TIME_COLUMNS:
            if set(map(type, column)) - {int} or not all(0 <= value <= LATEST for value in column):
                raise ValueError(path)
        elif set(map(type, column)) - {str, type(None)}:
            raise ValueError(path)
    return whole


def _refuse(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    path.rename(path.with_suffix(".refused"))
    transfer.count_drop(connection, _spans(path), "outbox segment refused")


def _write(connection: duckdb.DuckDBPyConnection, batch: SpanBatch) -> None:
    transfer.load(connection, batch)
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
            if path.suffix == ".json":
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


def _sync(folder: Path) -> None:
    """Makes a rename in `folder` durable. Some systems cannot sync a directory; there nothing is to be done."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
