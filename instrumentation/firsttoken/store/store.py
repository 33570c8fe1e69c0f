"""`Store`: append spans, read them back; every connection is short, bounded and under the lock."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from . import connection as connections
from . import outbox, schema, transfer
from .batch import SpanBatch
from .errors import StoreBusy, StoreError, StoreUnreadable
from .lock import write_lock
from .records import SpanRecord

if TYPE_CHECKING:
    import duckdb

#: Seconds that an append waits for its turn before it spills to the outbox.
LOCK_BUDGET_S: Final = 0.5
#: Seconds that a reader waits for a gap between writers.
READ_PATIENCE_S: Final = 10.0


class Store:
    """One DuckDB file. Safe to use from many threads and processes; safe to fork (no connection is open then).

    Args:
        path: the file; it is made by the first append.
        memory_limit: None inside an application (256 MB, one thread); our own commands say theirs, and use all cores.
    """

    def __init__(self, path: Path, *, memory_limit: str | None = None) -> None:
        self.path: Path = path
        self._memory_limit = memory_limit or connections.APPLICATION_MEMORY
        self._threads = connections.APPLICATION_THREADS if memory_limit is None else os.cpu_count() or 1
        self._mutex = threading.Lock()
        self._writer = connections.Writer(path, self._memory_limit, self._threads)
        _STORES.add(self)

    def __repr__(self) -> str:
        return f"Store({str(self.path)!r})"

    def append(self, spans: Sequence[SpanRecord]) -> None:
        """Filters the content out of `spans`, writes them and derives their calls. Durable on return.

        Raises:
            StoreError: they are neither in the store nor in its outbox.
        """
        batch = SpanBatch()
        for span in spans:
            batch.add_record(span)
        self.append_batch(batch)

    def append_batch(self, batch: SpanBatch, *, patience_s: float = LOCK_BUDGET_S) -> None:
        """Like `append`, for spans that a `SpanBatch` has filtered and encoded already.

        This is the fast way in for the receiver and the importer: fill one `SpanBatch` per request from mappings
        (no JSON text in between), `extend` one batch with all that wait, and commit them together; a commit costs
        some 40 ms however small. With pyarrow loaded in the process the columns go over without Python objects.

        Args:
            batch: may be empty. A span that is stored already is dropped.
            patience_s: seconds to wait for other processes before the batch goes to the outbox.

        Raises:
            StoreError: the spans are neither in the store nor in its outbox.
        """
        if not len(batch):
            return
        with self._mutex:
            try:
                with self._writing(time.monotonic() + patience_s) as connection:
                    self._take_in(connection, batch)
            except StoreUnreadable:
                raise
            except (StoreBusy, OSError, *_database_errors()) as error:
                self._spill(batch, error)

    @contextmanager
    def read(self, *, patience_s: float = READ_PATIENCE_S) -> Generator[duckdb.DuckDBPyConnection]:
        """A read-only connection for one page's questions; close it soon, writers wait for it.

        Raises:
            StoreMissing: there is no file yet.
            StoreUnreadable: the file is no store that this version reads.
            StoreBusy: writers left no gap for `patience_s` seconds.
        """
        with connections.reading(
            self.path,
            deadline=time.monotonic() + patience_s,
            memory_limit=self._memory_limit,
            threads=self._threads,
        ) as connection:
            schema.check_readable(connection, self.path)
            yield connection

    def _prepare_fork(self) -> threading.Lock:
        """Waits for a running append, closes the connection, and gives the lock to hold across the fork."""
        self._mutex.acquire()
        self._writer.close()
        return self._mutex

    @contextmanager
    def _writing(self, deadline: float) -> Generator[duckdb.DuckDBPyConnection]:
        """A connection that may write, under the lock, with the tables in place."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise connections.unreadable(self.path, error) from error
        with write_lock(self.path, deadline), self._writer.attached(deadline) as connection:
            schema.ensure(connection, self.path)
            yield connection

    def _take_in(self, connection: duckdb.DuckDBPyConnection, batch: SpanBatch) -> None:
        """Writes `batch` and what waits in the outbox in one transaction."""
        waiting = [segment.path for segment in outbox.segments(self.path)[: outbox.SEGMENTS_AT_ONCE]]
        connection.begin()
        try:
            transfer.load(connection, batch)
            if waiting:
                transfer.load_segments(connection, waiting)
            transfer.store_incoming(connection)
            connection.commit()
        except BaseException:
            connection.rollback()
            raise
        outbox.remove(waiting)

    def _spill(self, batch: SpanBatch, reason: Exception) -> None:
        try:
            outbox.spill(self.path, batch, self._writer.memory())
        except (OSError, *_database_errors()) as error:
            raise StoreError(
                f"{len(batch)} spans are lost because neither {self.path} nor its outbox can be written ({reason}; {error})."
            ) from error


def _database_errors() -> tuple[type[Exception], ...]:
    import duckdb  # noqa: PLC0415 - at the first span, never before

    return (duckdb.Error,)


#: Every store of this process: none of them may have a connection open when the process forks (in 12 tries, three
#: files became unreadable and three parents crashed).
_STORES: weakref.WeakSet[Store] = weakref.WeakSet()
_held: list[threading.Lock] = []


def _before_fork() -> None:
    for store in list(_STORES):
        _held.append(store._prepare_fork())  # noqa: SLF001 - this module's own


def _after_fork() -> None:
    while _held:
        _held.pop().release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
