"""Whose turn it is: one writer at a time, and readers first, by advisory locks on two files beside the store.

DuckDB's own lock would do, but each try at it costs an open; sixteen writers that only retry fell to a third of
their rate in one run of two, with a lock file they keep it. Readers go first, because a page waits for them and a
writer has the outbox: without that, four busy writers kept a reader out for ten seconds. The system releases a lock
when its holder dies.
"""

from __future__ import annotations

import contextlib
import os
import random
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from .errors import StoreBusy, StoreError

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int, *, shared: bool = False) -> None:  # noqa: ARG001 - Windows has no shared ones
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def _unlock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int, *, shared: bool = False) -> None:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


#: What the lock file says while a writer has its turn. A process that dies leaves it there.
_IN_TURN: Final = b"w"
#: In how many of its tries a writer lets waiting readers go first. Not in all, or readers could keep it out for ever.
_COURTESY: Final = 0.97
_FLAGS: Final = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)


def backoff(attempt: int) -> float:
    """Seconds to sleep after try `attempt` (from 0): 1 to 10 ms, with full jitter so that nobody starves."""
    return random.uniform(0.001, min(0.01, 0.002 * 2 ** min(attempt, 3)))  # noqa: S311 - jitter


def lock_file(store: Path) -> Path:
    """The file that says whose turn it is; it stays beside a store from the first turn on."""
    return _path(store, "lock")


@contextmanager
def write_lock(store: Path, deadline: float) -> Generator[bool]:
    """Holds the lock of `store` inside the `with` block. Gives whether the last writer died in its turn.

    Args:
        store: path of the DuckDB file.
        deadline: `time.monotonic()` value after which to give up.

    Raises:
        StoreBusy: others kept it until the deadline.
        StoreError: the lock file cannot be made (read-only file system, no permission, full disk).
    """
    lock = _opened(store, "lock")
    try:
        readers = _opened(store, "readers")
        try:
            attempt = 0
            while (random.random() < _COURTESY and _awaited(readers)) or not _taken(lock):  # noqa: S311 - a share
                _sleep(store, deadline, attempt)
                attempt += 1
        finally:
            os.close(readers)
        died = _died(lock)
        with contextlib.suppress(OSError):  # a full disk
            os.write(lock, _IN_TURN)
        try:
            yield died
        finally:
            with contextlib.suppress(OSError):
                os.ftruncate(lock, 0)
    finally:
        # Closing gives the lock back.
        os.close(lock)


def writer_died(store: Path) -> bool:
    """Whether nobody has the turn, and who had it last died in it."""
    try:
        lock = os.open(lock_file(store), os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return False
    try:
        return _taken(lock) and _died(lock)
    finally:
        os.close(lock)


@contextmanager
def turn_to_open(store: Path, deadline: float) -> Generator[None]:
    """The lock while a reader opens the file; after that DuckDB's own lock protects what it reads.

    Where there is no lock file to be had (a read-only file system) there is no writer either.

    Raises:
        StoreBusy: others kept the lock until the deadline.
    """
    try:
        readers = os.open(_path(store, "readers"), _FLAGS, 0o600)
    except OSError:
        yield
        return
    try:
        lock = os.open(lock_file(store), _FLAGS, 0o600)
        try:
            _taken(readers, shared=True)
            attempt = 0
            while not _taken(lock):
                _sleep(store, deadline, min(attempt, 1))
                _taken(readers, shared=True)
                attempt += 1
            yield
        finally:
            os.close(lock)
    finally:
        os.close(readers)


def _opened(store: Path, ending: str) -> int:
    try:
        return os.open(_path(store, ending), _FLAGS, 0o600)
    except OSError as error:
        raise StoreError(
            f"{store} cannot be written because {_path(store, ending).name} beside it cannot be"
            f" ({error.strerror or error}); change the permissions, or choose another with --store PATH."
        ) from error


def _path(store: Path, ending: str) -> Path:
    return store.with_name(f"{store.name}.{ending}")


def _died(lock: int) -> bool:
    """What a lock file that is held says of the turn before; it is at its beginning afterwards."""
    died = os.read(lock, 1) == _IN_TURN
    os.lseek(lock, 0, os.SEEK_SET)
    return died


def _taken(descriptor: int, *, shared: bool = False) -> bool:
    try:
        _lock(descriptor, shared=shared)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _awaited(readers: int) -> bool:
    """Whether a reader waits for its turn: it holds the readers' lock meanwhile."""
    if _taken(readers):
        _unlock(readers)
        return False
    return True


def _sleep(store: Path, deadline: float, attempt: int) -> None:
    if time.monotonic() >= deadline:
        raise StoreBusy(f"Another process is using {store}; try again in a moment.")
    time.sleep(backoff(attempt))
