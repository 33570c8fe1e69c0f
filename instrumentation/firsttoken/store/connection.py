"""Bounded, short-lived DuckDB connections, and DuckDB's errors in one sentence.

They live in other people's processes: no extension is installed or loaded, temporary files stay beside the store,
and DuckDB is imported when the first one opens (34 ms in which the main thread may stall), never before.

DuckDB itself refuses to open a file twice in one process, whether by connect or by ATTACH, so a reader and a writer in
one process take turns as two processes do.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from . import mending
from .errors import StoreBusy, StoreDamaged, StoreError, StoreMissing, StoreUnreadable
from .lock import backoff, turn_to_open

if TYPE_CHECKING:
    import duckdb

_logger = logging.getLogger(__name__)

#: Files of this storage version open in every DuckDB that the project supports.
STORAGE_VERSION: Final = "v1.4.0"
#: Rows that are compressed together, three of DuckDB's vectors. A commit writes anew the group that is not full yet:
#: with DuckDB's 122,880 a batch of 5,000 costs twice as much, and what a question reads takes as long either way.
_ROW_GROUP: Final = 6144
#: What a connection may use inside an application.
APPLICATION_MEMORY: Final = "256MB"
APPLICATION_THREADS: Final = 1

_BUSY = ("Could not set lock", "different configuration than existing", "Unique file handle conflict")
_DUCKDB_MAGIC = b"DUCK"
#: DuckDB's words for a broken file, as against a full disk or too many open files.
_DAMAGE = ("checksum", "orrupt", "read enough bytes", "Serialization Error", "replaying WAL", "deserializ")
_Opened = TypeVar("_Opened")


def settings(store: Path, memory_limit: str, threads: int) -> dict[str, str | bool | int | float | list[str]]:
    """The configuration of every connection."""
    return {
        "memory_limit": memory_limit,
        "threads": str(threads),
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "temp_directory": str(store.with_name(store.name + ".tmp")),
        # Every commit goes into the file itself. Else it would be written twice, to the log and at the closing.
        "checkpoint_threshold": "1KB",
    }


class Writer:
    """DuckDB in memory that attaches the store for one batch at a time. Not thread-safe.

    Kept between batches, because making it takes 12 ms and attaching takes 1 ms; nothing of the store is open then.
    """

    def __init__(self, store: Path, memory_limit: str, threads: int) -> None:
        self._store = store
        self._settings = settings(store, memory_limit, threads)
        self._memory: duckdb.DuckDBPyConnection | None = None

    def memory(self) -> duckdb.DuckDBPyConnection:
        """The connection without the store, for temporary tables and for the outbox."""
        if self._memory is None:
            self._memory = _connected(":memory:", self._settings, read_only=False)
        return self._memory

    @contextmanager
    def attached(self, deadline: float, *, died: bool = False) -> Generator[duckdb.DuckDBPyConnection]:
        """The connection with the store attached as its default database, made if it is missing.

        Retries with jitter until `deadline` (a `time.monotonic()` value) while someone else holds the file.

        Args:
            deadline: when to give up.
            died: the last writer died in its turn: all metadata is looked at, and mended where that death damaged it.

        Raises:
            StoreBusy, StoreUnreadable: it cannot be opened.
        """
        connection = self._attach_mended(deadline, died=died)
        try:
            yield connection
        finally:
            self._detach()

    def renewed(self, deadline: float) -> duckdb.DuckDBPyConnection:
        """Another connection with the store attached, inside of `attached`, where DuckDB gave the last one up.

        Raises what `attached` raises.
        """
        self.close()
        return self._attach(deadline)

    def _attach_mended(self, deadline: float, *, died: bool) -> duckdb.DuckDBPyConnection:
        import duckdb

        mended = mending.Mending(self._store)
        while True:
            try:
                connection = self._attach(deadline)
                if died or mended:
                    mending.check(connection)
            except (StoreUnreadable, duckdb.Error) as error:
                self._detach()
                if mended.mend(error):
                    continue
                told = error if isinstance(error, StoreError) else unreadable(self._store, error)
                if isinstance(told, StoreDamaged) or mended:
                    mended.undo()
                    raise StoreDamaged(str(told)) from error
                raise
            if mended:
                _logger.warning("%s was left half-written by a process that died; it is whole again.", self._store)
            return connection

    def _attach(self, deadline: float) -> duckdb.DuckDBPyConnection:
        connection = self.memory()
        path = str(self._store).replace("'", "''")
        # The version only for a new file: DuckDB refuses to lower that of one that it made otherwise.
        version = "" if self._store.exists() else f", STORAGE_VERSION '{STORAGE_VERSION}'"
        attach = f"ATTACH '{path}' AS store (ROW_GROUP_SIZE {_ROW_GROUP}{version})"
        _retried(lambda: connection.execute(attach), self._store, deadline)
        try:
            connection.execute("USE store")
        except BaseException:
            self._detach()
            raise
        return connection

    def close(self) -> None:
        """Gives the memory back; the next use makes a new one. Called before every fork."""
        if self._memory is not None:
            self._memory.close()
            self._memory = None

    def _detach(self) -> None:
        import duckdb

        connection = self._memory
        if connection is None:
            return
        try:
            connection.execute("USE memory")
            connection.execute("DETACH store")
        except duckdb.Error:
            # A failed checkpoint (disk full) keeps the file attached, and with it DuckDB's lock: only closing lets go.
            with contextlib.suppress(duckdb.Error):
                self.close()
            self._memory = None


@contextmanager
def reading(store: Path, *, deadline: float, memory_limit: str, threads: int) -> Generator[duckdb.DuckDBPyConnection]:
    """Opens `store` read-only, retrying with jitter until `deadline` (a `time.monotonic()` value).

    Raises:
        StoreBusy, StoreMissing, StoreUnreadable: it cannot be opened.
    """
    if not store.exists():
        raise StoreMissing(
            f"There is no store at {store} yet; run an application under firsttoken, or name another with --store PATH."
        )
    config = settings(store, memory_limit, threads)
    with turn_to_open(store, deadline):
        connection = _retried(lambda: _connected(str(store), config, read_only=True), store, deadline)
    try:
        yield connection
    finally:
        connection.close()


def _connected(
    database: str, config: dict[str, str | bool | int | float | list[str]], *, read_only: bool
) -> duckdb.DuckDBPyConnection:
    import duckdb

    connection = duckdb.connect(database, read_only=read_only, config=config)
    # In a notebook, a prompt or `python -c` it is on, and draws into the standard output of whoever we work for.
    connection.execute("SET enable_progress_bar = false")
    return connection


def _retried(opening: Callable[[], _Opened], store: Path, deadline: float) -> _Opened:
    import duckdb

    attempt = 0
    while True:
        try:
            return opening()
        except (duckdb.Error, UnicodeDecodeError) as error:
            if not any(sign in str(error) for sign in _BUSY):
                raise unreadable(store, error) from error
            if time.monotonic() >= deadline:
                raise StoreBusy(f"Another process is using {store}; try again in a moment.") from error
        time.sleep(backoff(attempt))
        attempt += 1


def unreadable(store: Path, error: Exception) -> StoreError:
    """DuckDB's `error` on opening `store`, as one sentence that says what to do."""
    other = "choose another with --store PATH"
    text = str(error)
    damaged = False
    if store.is_dir():
        problem = f"is a directory; name a file in it, as in --store {store / 'firsttoken.duckdb'}"
    elif not store.parent.is_dir() or not store.exists():
        problem = f"cannot be made because {store.parent} cannot be written to; {other}"
    elif (magic := _magic(store)) is None or "ermission denied" in text or "Read-only file system" in text:
        problem = f"cannot be {'read' if magic is None else 'written to'}; change its permissions, or {other}"
    elif magic != _DUCKDB_MAGIC:
        problem = f"is not a DuckDB file; {other}"
    elif "version" in text and any(sign in text for sign in ("newer", "older", "can only read")):
        problem = "was made by another version of DuckDB; upgrade with pip install -U duckdb"
    else:
        damaged = any(sign in text for sign in _DAMAGE)
        first_line = text.partition("\n")[0] or type(error).__name__
        problem = f"{'is damaged' if damaged else 'cannot be opened'} ({first_line}); move it away, or {other}"
    return (StoreDamaged if damaged else StoreUnreadable)(f"{store} {problem}.")


def set_aside(store: Path) -> Path:
    """Renames a damaged store, its log too, so that a new one can begin; gives its new path. Raises OSError."""
    aside = store.with_name(f"{store.name}.damaged-{time.time_ns()}")
    log = store.with_name(store.name + ".wal")
    store.rename(aside)
    with contextlib.suppress(FileNotFoundError):
        log.rename(aside.with_name(aside.name + ".wal"))
    return aside


def check_ours(store: Path) -> None:
    """Raises StoreUnreadable where something at `store` is no database, as far as can be told without opening it."""
    # A file that somebody is just making is empty for a moment.
    if store.exists() and _magic(store) not in {_DUCKDB_MAGIC, b""}:
        raise unreadable(store, ValueError())


def _magic(store: Path) -> bytes | None:
    try:
        with store.open("rb") as file:
            return file.read(12)[8:]
    except OSError:
        return None
