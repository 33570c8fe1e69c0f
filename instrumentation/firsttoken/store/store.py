"""`Store`: append spans, read them back; every connection is short, bounded and under the lock."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from . import connection as connections
from . import outbox, retention, schema, transfer
from .batch import SpanBatch
from .deposits import Deposits
from .errors import StoreDamaged, StoreError, StoreUnreadable
from .lock import lock_file, write_lock, writer_died
from .records import SpanRecord

if TYPE_CHECKING:
    import duckdb

_logger = logging.getLogger(__name__)

#: Seconds that an append waits for its turn before it spills to the outbox.
LOCK_BUDGET_S: Final = 0.5
#: Seconds that what was deposited waits for its turn: it is durable already, and who has the turn takes it in.
_DEPOSIT_PATIENCE_S: Final = 0.05
#: Seconds that a reader waits for a gap between writers, and a command for its turn to write.
PATIENCE_S: Final = 10.0
#: Seconds that a reader waits for its turn to take in the outbox, and for how long it goes on doing so.
_DRAIN_PATIENCE_S: Final = 0.1
_DRAIN_S: Final = 1.0
#: Seconds that a store leaves the file to others after each of its turns.
_PAUSE_S: Final = 0.01
#: Seconds between two looks at whether the store has become too old or too large.
_RETENTION_INTERVAL_S: Final = 600.0


class Store:
    """One DuckDB file. Safe to use from many threads and processes; safe to fork (no connection is open then).

    Args:
        path: the file; it is made by the first append.
        memory_limit: None inside an application (256 MB, one thread); our own commands say theirs, and use all cores.
        threads: of DuckDB, for a command that needs the other cores itself.
    """

    def __init__(self, path: Path, *, memory_limit: str | None = None, threads: int | None = None) -> None:
        self.path: Path = path
        self._memory_limit = memory_limit or connections.APPLICATION_MEMORY
        self._bytes_at_once = outbox.BYTES_AT_ONCE * (1 if memory_limit is None else 3)
        every = connections.APPLICATION_THREADS if memory_limit is None else os.cpu_count() or 1
        self._threads = threads or every
        self._mutex = threading.Lock()
        self._writer = connections.Writer(path, self._memory_limit, self._threads)
        self._ended = -_PAUSE_S
        self._lost = 0
        self._retained_at: float | None = None
        self._deposits = Deposits(self._take_in_deposits)
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

        Many spans at once are cheap: a commit costs some 80 ms however small, and 45 µs a span beyond.

        Args:
            batch: a span that is stored already is dropped. With an empty batch, what waits in the outbox is written
                if the file is to be had, and stays there otherwise.
            patience_s: seconds to wait for other processes; after that the batch waits in the outbox.

        Raises:
            StoreUnreadable: the file is no store, and is left as it is.
            StoreError: the outbox cannot be written.
        """
        if len(batch) or outbox.oldest(self.path) is not None:
            with self._mutex:
                segment = self._laid_beside(batch)
                self._take_in(segment, time.monotonic() + patience_s)

    def lay_beside(self, batch: SpanBatch) -> None:
        """Makes `batch` durable in the outbox, and nothing else: `take_in` or whoever reads writes it into the tables.

        For a process that does the two in threads of their own. Raises what `append_batch` raises.
        """
        self._laid_beside(batch)

    def take_in(self, *, patience_s: float = LOCK_BUDGET_S) -> bool:
        """Writes what waits in the outbox into the tables, as much as one transaction may hold; gives whether it did.

        Raises:
            StoreUnreadable: the file is no store; the outbox stays as it is.
        """
        with self._mutex:
            return self._take_in(None, time.monotonic() + patience_s)

    def deposit(self, batch: SpanBatch) -> None:
        """Like `append_batch`, at a part of its cost inside an application that flushes every second.

        It lies in the outbox within a millisecond, and that is all that the caller waits for: the first batch, and then
        one in half a minute, has a thread take all into the tables. Whoever reads does that too.

        Raises: what `append_batch` raises; that the file is no store perhaps only at the next deposit.
        """
        if not len(batch):
            return
        if self._deposits.refusal is not None:
            raise self._deposits.refusal
        segment = self._laid_beside(batch)
        if not self._deposits.add(len(batch)):
            return
        if not self.path.exists() or lock_file(self.path).exists():
            self._deposits.write()
            return
        # Nobody of ours was here yet: whether it is a store must be known before the batch counts as accepted.
        with self._mutex:
            self._take_in(segment, time.monotonic() + _DEPOSIT_PATIENCE_S)

    def _take_in_deposits(self) -> None:
        # Without a segment to withdraw: what was accepted stays, for whoever can write the file.
        with self._mutex:
            self._take_in(None, time.monotonic() + _DEPOSIT_PATIENCE_S)

    def _laid_beside(self, batch: SpanBatch) -> Path | None:
        """The batch's segment in the outbox; None where the batch is empty."""
        if not len(batch):
            return None
        connections.check_ours(self.path)
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise connections.unreadable(self.path, error) from error
        try:
            return outbox.spill(self.path, batch)
        except OSError as error:
            self._lost += len(batch)
            raise StoreError(
                f"{len(batch)} spans are lost because {outbox.directory(self.path)} cannot be written"
                f" ({_first_line(error)}); free some space, or name another with --store PATH."
            ) from error

    def outbox_fill(self) -> float:
        """How full the outbox is, from 0 to 1: beyond that the oldest spans are dropped."""
        return sum(segment.size for segment in outbox.segments(self.path)) / outbox.BOUND

    @contextmanager
    def read(self, *, patience_s: float = PATIENCE_S) -> Generator[duckdb.DuckDBPyConnection]:
        """A read-only connection for one page's questions; close it soon, writers wait for it.

        What waits in the outbox is written before, where the file is to be had for that; a reader that may not write,
        or comes between others, reads without it.

        Raises:
            StoreMissing: there is no file yet.
            StoreUnreadable: the file is no store that this version reads.
            StoreBusy: writers left no gap for `patience_s` seconds.
        """
        self._drain(patience_s)
        with connections.reading(
            self.path,
            deadline=time.monotonic() + patience_s,
            memory_limit=self._memory_limit,
            threads=self._threads,
        ) as connection:
            schema.check_readable(connection, self.path)
            yield connection

    @contextmanager
    def write(self, *, patience_s: float = PATIENCE_S) -> Generator[duckdb.DuckDBPyConnection]:
        """A connection that may write, with the tables in place; the transaction is the caller's.

        For what is no span: recommendations, maintenance, simulated calls. Everybody waits until it is closed.

        Raises:
            StoreUnreadable: the file is no store that this version writes.
            StoreBusy: others held it for `patience_s` seconds.
            StoreError: the directory cannot be written to.
        """
        with self._mutex, self._writing(time.monotonic() + patience_s) as connection:
            yield connection

    @contextmanager
    def _writing(self, deadline: float) -> Generator[duckdb.DuckDBPyConnection]:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise connections.unreadable(self.path, error) from error
        # Whoever waits sleeps for up to 10 ms between two tries; without a pause here they would never get a turn.
        time.sleep(max(0.0, min(_PAUSE_S, self._ended + _PAUSE_S - time.monotonic())))
        self._writer.memory()  # before it is our turn: nobody is to wait for DuckDB's start
        try:
            with (
                write_lock(self.path, deadline) as died,
                self._writer.attached(deadline, died=died) as connection,
            ):
                schema.ensure(connection, self.path)
                yield connection
        finally:
            self._ended = time.monotonic()

    def _take_in(self, segment: Path | None, deadline: float) -> bool:
        """Writes the outbox into the tables, or leaves it there; `segment` goes where the file is none of ours."""
        import duckdb

        try:
            try:
                self._write_once(deadline)
            except StoreDamaged:
                self._set_aside(deadline)
                self._write_once(deadline)
        except StoreUnreadable:
            if segment is not None:
                outbox.withdraw(segment)
            raise
        except (StoreError, OSError, duckdb.Error) as error:
            _logger.debug("The outbox of %s stays as it is: %s", self.path, error)
            return False
        finally:
            self._deposits.written()
        return True

    def _set_aside(self, deadline: float) -> None:
        """Makes room for a new store, unless another process did that before it was our turn."""
        with write_lock(self.path, deadline):
            try:
                with self._writer.attached(deadline, died=True):
                    return
            except StoreDamaged as error:
                _logger.warning("%s It lies at %s now.", error, connections.set_aside(self.path))

    def _drain(self, patience_s: float) -> None:
        """Writes what waits in the outbox now, unless that takes long or cannot be."""
        newest = outbox.newest(self.path)
        # What a writer left half-written when it died is mended by a turn, whether something waits or not.
        due = newest is not None or writer_died(self.path)
        if not due:
            return
        import duckdb

        until = time.monotonic() + min(_DRAIN_S, patience_s)
        while due and time.monotonic() < until:
            if not self._mutex.acquire(blocking=False):
                return
            try:
                self._write_once(min(until, time.monotonic() + _DRAIN_PATIENCE_S))
            except (StoreError, OSError, duckdb.Error) as error:
                _logger.debug("The outbox of %s stays as it is: %s", self.path, error)
                return
            finally:
                self._mutex.release()
            # What was added meanwhile is left to the next reader, or busy writers could hold this one for all its time.
            oldest = outbox.oldest(self.path)
            due = oldest is not None and newest is not None and oldest <= newest

    def _write_once(self, deadline: float) -> None:
        with self._writing(deadline) as opened:
            connection = outbox.take_in(opened, self.path, self._bytes_at_once, lambda: self._writer.renewed(deadline))
            if self._lost:
                transfer.count_drop(connection, self._lost, "could not be written")
                self._lost = 0
            now = time.monotonic()
            if self._retained_at is None or now - self._retained_at > _RETENTION_INTERVAL_S:
                self._retained_at = now
                retention.retain(connection)

    def _prepare_fork(self) -> threading.Lock:
        """Waits for a running append, closes the connection, and gives the lock to hold across the fork."""
        self._mutex.acquire()
        self._writer.close()
        return self._mutex


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(". ")


#: Every store of this process: none of them may have a connection open when the process forks (in 12 tries, three
#: files became unreadable and three parents crashed).
_STORES: weakref.WeakSet[Store] = weakref.WeakSet()
_held: list[threading.Lock] = []


def _before_fork() -> None:
    _held.extend([store._prepare_fork() for store in list(_STORES)])  # noqa: SLF001 - this module's own


def _after_fork() -> None:
    while _held:
        _held.pop().release()


def _after_fork_in_child() -> None:
    for store in list(_STORES):
        store._deposits.forked()  # noqa: SLF001 - this module's own
    _after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork_in_child)
