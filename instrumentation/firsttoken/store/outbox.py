"""What every span goes through on its way into the store: segments in a directory beside it.

A segment is the lines of a batch: a write and a sync, without DuckDB. It is written under another name, synced and
renamed, so that one that is there is whole. The next holder of the write lock takes it in and deletes it after its
commit; a segment seen twice is deduplicated like any span.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from . import sifting, transfer
from .batch import SpanBatch

if TYPE_CHECKING:
    import duckdb

#: Bytes that the outbox may hold; beyond it the oldest segments go, and are counted.
BOUND: Final = 256 * 2**20
#: Why segments beyond the bound are gone, in the table `drops`.
OVERFLOW: Final = "outbox full"
#: Bytes (and one segment more) taken in by one holder of the lock inside an application, so that a long backlog
#: neither holds everyone up nor needs more memory than it may have. All that is deposited there until it is written
#: fits in: with a rest left, DuckDB wrote every second time what was there before once more.
BYTES_AT_ONCE: Final = 20 * 2**20
#: A half-written segment this old (seconds) was left by a process that died.
_ABANDONED_S: Final = 3600

_sequence = itertools.count()


class Segment(NamedTuple):
    """A file of the outbox."""

    path: Path
    spans: int
    size: int
    #: When it was laid there, in seconds since the epoch.
    laid_at: float


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
    try:
        with unfinished.open("xb") as file:
            # The last line needs its end too: DuckDB's threads refuse a file of many megabytes without.
            file.write("\n".join([*batch.lines, ""]).encode())
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


def take_in(
    connection: duckdb.DuckDBPyConnection,
    store: Path,
    bytes_at_once: int,
    renewed: Callable[[], duckdb.DuckDBPyConnection],
) -> duckdb.DuckDBPyConnection:
    """Writes what waits in the outbox to the attached store, in one transaction where that works.

    What cannot be read, what DuckDB refuses, or what it fails at, is kept under another name and counted as dropped; it
    must not stop its neighbours.

    Args:
        connection: the store is attached to it.
        store: path of the DuckDB file.
        bytes_at_once: what one transaction may hold, and one segment more.
        renewed: gives another connection, where DuckDB failed at something: it gives the old one up then.

    Returns: the connection to go on with.
    """
    notes = drop_notes(store)
    waiting = _next_segments(store, bytes_at_once)
    if waiting:
        try:
            sifting.write(connection, waiting)
        except (*sifting.refusals(), _missing(), sifting.failure()) as error:
            sieve = sifting.Sieve(renewed() if isinstance(error, sifting.failure()) else connection, renewed)
            for path in waiting:
                # One beyond the bound may be gone: whoever spilled just now has dropped it.
                if path.exists():
                    sieve.sift(path)
            connection = sieve.connection
    for path, dropped in notes:
        transfer.count_drop(connection, dropped, OVERFLOW)
        _remove(path)
    for path in waiting:
        _remove(path)
    return connection


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
                laid_at = int(path.name.partition("-")[0]) / 1e9
                found.append(Segment(path, _spans(path), path.stat().st_size, laid_at))
    return found


def drop_notes(store: Path) -> list[tuple[Path, int]]:
    """What segments that were dropped left behind, each with its number of spans."""
    return [(path, _spans(path)) for path in _entries(directory(store)) if path.suffix == ".dropped"]


def _waiting(store: Path) -> list[str]:
    return [path.name for path in _entries(directory(store)) if path.suffix in {".json", ".dropped"}]


def _next_segments(store: Path, bytes_at_once: int) -> list[Path]:
    chosen: list[Path] = []
    size = 0
    for segment in segments(store):
        chosen.append(segment.path)
        size += segment.size
        if size > bytes_at_once:
            break
    return chosen


def _missing() -> type[Exception]:
    """What DuckDB raises for a file that is no longer there."""
    import duckdb

    return duckdb.IOException


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
