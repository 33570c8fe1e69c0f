"""Bounded, short-lived DuckDB connections, and DuckDB's errors in one sentence.

They live in other people's processes: no extension is installed or loaded, temporary files stay beside the store,
and DuckDB is imported when the first one opens (34 ms in which the main thread may stall), never before.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import StoreBusy, StoreError, StoreMissing, StoreUnreadable
from .lock import backoff

if TYPE_CHECKING:
    import duckdb

#: Files of this storage version open in every DuckDB that the project supports.
STORAGE_VERSION = "v1.4.0"
#: What a connection may use inside an application.
APPLICATION_MEMORY = "256MB"
APPLICATION_THREADS = 1

_BUSY = ("Could not set lock", "different configuration than existing", "unique file handle conflict")
_DUCKDB_MAGIC = b"DUCK"


def settings(store: Path | None, memory_limit: str, threads: int) -> dict[str, str]:
    """The configuration of every connection; `store` is None for one in memory."""
    chosen = {
        "memory_limit": memory_limit,
        "threads": str(threads),
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "preserve_insertion_order": "false",
    }
    if store is not None:
        chosen["temp_directory"] = str(store.with_name(store.name + ".tmp"))
        chosen["storage_compatibility_version"] = STORAGE_VERSION
    return chosen


def in_memory(memory_limit: str = APPLICATION_MEMORY, threads: int = APPLICATION_THREADS) -> duckdb.DuckDBPyConnection:
    """A connection without a file, with the same bounds."""
    import duckdb  # noqa: PLC0415 - at the first span, never before

    return duckdb.connect(":memory:", config=settings(None, memory_limit, threads))


@contextmanager
def connect(
    store: Path, *, read_only: bool, deadline: float, memory_limit: str, threads: int
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Opens `store`, retrying with jitter until `deadline` (a `time.monotonic()` value) while someone else holds it.

    Raises:
        StoreBusy, StoreMissing, StoreUnreadable: it cannot be opened.
    """
    import duckdb  # noqa: PLC0415 - at the first span, never before

    config = settings(store, memory_limit, threads)
    attempt = 0
    while True:
        if read_only and not store.exists():
            raise StoreMissing(f"There is no store at {store} yet; run an application under firsttoken, or pass --store.")
        try:
            connection = duckdb.connect(str(store), read_only=read_only, config=config)
            break
        except duckdb.Error as error:
            if not any(sign in str(error) for sign in _BUSY):
                raise unreadable(store, error) from error
            if time.monotonic() >= deadline:
                raise StoreBusy(f"Another process is using {store}; try again in a moment.") from error
        except UnicodeDecodeError as error:
            raise StoreUnreadable(f"{store} cannot be read; choose another file with --store PATH.") from error
        time.sleep(backoff(attempt))
        attempt += 1
    try:
        yield connection
    finally:
        connection.close()


def unreadable(store: Path, error: Exception) -> StoreError:
    """DuckDB's `error` on opening `store`, as one sentence that says what to do."""
    if store.is_dir():
        return StoreUnreadable(f"{store} is a directory; name a file in it, as in --store {store / 'firsttoken.duckdb'}.")
    try:
        with store.open("rb") as file:
            magic = file.read(12)[8:]
    except FileNotFoundError:
        return StoreUnreadable(f"{store} cannot be made because its directory is missing or not writable; make it first.")
    except PermissionError:
        return StoreUnreadable(f"{store} belongs to someone else; ask for permission or choose another with --store PATH.")
    except OSError as problem:
        return StoreUnreadable(f"{store} cannot be read ({problem.strerror}); choose another file with --store PATH.")
    if magic != _DUCKDB_MAGIC:
        return StoreUnreadable(f"{store} is not a DuckDB file; choose another with --store PATH.")
    text = str(error)
    if "version" in text and ("newer" in text or "older" in text or "cannot read" in text):
        return StoreUnreadable(f"{store} was made by another version of DuckDB; install that one (pip install -U duckdb).")
    if "ermission denied" in text or "Read-only file system" in text:
        return StoreUnreadable(f"{store} is not writable; change its permissions or choose another with --store PATH.")
    first_line = text.splitlines()[0] if text else type(error).__name__
    return StoreUnreadable(f"{store} is damaged ({first_line}); move it away, and a new one is made.")
