"""The store: spans and calls in one DuckDB file that many processes write and read.

    with firsttoken.store.open().read() as connection:
        connection.execute("SELECT count(*) FROM calls").fetchall()

Nobody keeps the file open: a writer takes a lock, opens, inserts one batch and closes; a reader opens read-only for
its questions. Importing this package loads no DuckDB; the first span or the first question does.
"""

from __future__ import annotations

import os

from .batch import SpanBatch
from .errors import StoreBusy, StoreDamaged, StoreError, StoreMissing, StoreOff, StoreUnreadable
from .location import resolve
from .records import SpanRecord
from .store import Store

__all__ = [
    "SpanBatch",
    "SpanRecord",
    "Store",
    "StoreBusy",
    "StoreDamaged",
    "StoreError",
    "StoreMissing",
    "StoreOff",
    "StoreUnreadable",
    "open",
]


def open(  # noqa: A001 - `firsttoken.store.open` is the name that users look for
    location: str | os.PathLike[str] | None = None, *, memory_limit: str | None = None, threads: int | None = None
) -> Store:
    """The store at `location`: a path or a duckdb: URI; None asks `FIRSTTOKEN_STORE`, then the user's data directory.

    Opens nothing and makes no file yet. `memory_limit` (as DuckDB writes it, "2GB") is for commands of our own, which
    then may use every core too, or as many as `threads`; inside an application the store takes one thread and 256 MB.

    Raises:
        StoreOff: the location is `off`.
        StoreError: the location names no DuckDB file.
    """
    return Store(resolve(location), memory_limit=memory_limit, threads=threads)
