"""Bounded, short-lived DuckDB connections, and DuckDB's errors in one sentence.

They live in other people's processes: no extension is installed or loaded, temporary files stay beside the store,
and DuckDB is imported when the first one opens (34 ms in which the main thread may stall), never before.

DuckDB itself refuses to open a file twice in one process, whether by connect or by ATTACH, so a reader and a writer in
one process take turns as two processes do.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from .errors import StoreBusy, StoreError, StoreMissing, StoreUnreadable
from .lock import backoff

if TYPE_CHECKING:
    import duckdb

#: Files of this storage version open in every DuckDB that the project supports.
STORAGE_VERSION: Final = "v1.4.0"
#: What a connection may use inside an application.
APPLICATION_MEMORY: Final = "256MB"
APPLICATION_THREADS: Final = 1

_BUSY = ("Could not set lock", "different configuration than existing", "Unique file handle conflict")
_DUCKDB_MAGIC = b"DUCK"
_Opened = TypeVar("_Opened")


def settings(store: Path, memory_limit: str, threads: int) -> dict[str, str]:
    """The configuration of every connection."""
    return {
        "memory_limit": memory_limit,
        "threads": str(threads),
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "temp_directory": str(store.with_name(store.name + ".tmp")),
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
            import duckdb  # noqa: PLC0415 - at the first span, never before

            self._memory = duckdb.connect(":memory:", config=self._settings)
        return self._memory

    @contextmanager
    def attached(self, deadline: float) -> Generator[duckdb.DuckDBPyConnection]:
        """The connection with the store attached as its default database, made if it is missing.

        Retries with jitter until `deadline` (a `time.monotonic()` value) while someone else holds the file.

        Raises:
            StoreBusy, StoreUnreadable: it cannot be opened.
        """
        connection = self.memory()
        path = str(self._store).replace("'", "''")
        attach = f"ATTACH '{path}' AS store (STORAGE_VERSION '{STORAGE_VERSION}')"
        _retried(lambda: connection.execute(attach), self._store, deadline)
        try:
            connection.execute("USE store")
            yield connection
        finally:
            self._detach(connection)

    def close(self) -> None:
        """Gives the memory back; the next use makes a new one. Called before every fork."""
        if self._memory is not None:
            self._memory.close()
            self._memory = None

    def _detach(self, connection: duckdb.DuckDBPyConnection) -> None:
        import duckdb  # noqa: PLC0415 - loaded already

        try:
            connection.execute("USE memory")
            connection.execute("DETACH store")
        except duckdb.Error:
            # A failed checkpoint (disk full) keeps the file attached, and with it DuckDB's lock: only closing lets go.
            with contextlib.suppress(duckdb.Error):
                self.close()
            self._memory = None


@contextmanager
def reading(
    store: Path, *, deadline: float, memory_limit: str, threads: int
) -> Generator[duckdb.DuckDBPyConnection]:
    """Opens `store` read-only, retrying with jitter until `deadline` (a `time.monotonic()` value).

    Raises:
        StoreBusy, StoreMissing, StoreUnreadable: it cannot be opened.
    """
    import duckdb  # noqa: PLC0415 - at the first question, never before

    if not store.exists():
        raise StoreMissing(
            f"There is no store at {store} yet; run an application under firsttoken, or name another with --store PATH."
        )
    config = settings(store, memory_limit, threads)
    connection = _retried(lambda: duckdb.connect(str(store), read_only=True, config=config), store, deadline)
    try:
        yield connection
    finally:
        connection.close()


def _retried(opening: Callable[[], _Opened], store: Path, deadline: float) -> _Opened:
    import duckdb  # noqa: PLC0415 - loaded already

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
    if store.is_dir():
        return StoreUnreadable(f"{store} is a directory; name a file in it, as in --store {store / 'firsttoken.duckdb'}.")
    try:
        with store.open("rb") as file:
            magic = file.read(12)[8:]
    except FileNotFoundError:
        return StoreUnreadable(f"{store} cannot be made because {store.parent} cannot be written to; {other}.")
    except OSError as problem:
        return StoreUnreadable(f"{store} cannot be read ({problem.strerror}); change its permissions, or {other}.")
    if magic != _DUCKDB_MAGIC:
        return StoreUnreadable(f"{store} is not a DuckDB file; {other}.")
    if "ermission denied" in text or "Read-only file system" in text:
        return StoreUnreadable(f"{store} is not writable; change its permissions, or {other}.")
    if "version" in text and any(sign in text for sign in ("newer", "older", "can only read")):
        return StoreUnreadable(f"{store} was made by another version of DuckDB; upgrade with pip install -U duckdb.")
    first_line = text.splitlines()[0] if text else type(error).__name__
    return StoreUnreadable(f"{store} is damaged ({first_line}); move it away, and a new one is made.")
