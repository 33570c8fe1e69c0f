"""The write lock: one process at a time, by an advisory lock on a file beside the store.

DuckDB's own lock would do, but each try at it costs an open; sixteen writers that only retry fell to a third of
their rate in one run of two, with this lock beside it they keep it. The system releases it when its holder dies.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from .errors import StoreBusy

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _try_lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def backoff(attempt: int) -> float:
    """Seconds to sleep after try `attempt` (from 0): 2 ms growing to 25 ms, with full jitter so that nobody starves."""
    return random.uniform(0.001, min(0.025, 0.002 * 2 ** min(attempt, 4)))  # noqa: S311 - jitter


@contextmanager
def write_lock(store: Path, deadline: float) -> Generator[None]:
    """Holds the lock of `store` inside the `with` block.

    Args:
        store: path of the DuckDB file.
        deadline: `time.monotonic()` value after which to give up.

    Raises:
        StoreBusy: another process kept the lock until the deadline.
        OSError: the lock file cannot be made (read-only file system, no permission, full disk).
    """
    descriptor = os.open(store.with_name(store.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        attempt = 0
        while True:
            try:
                _try_lock(descriptor)
                break
            except (BlockingIOError, PermissionError):
                if time.monotonic() >= deadline:
                    raise StoreBusy(f"Another process is writing to {store}; try again in a moment.") from None
                time.sleep(backoff(attempt))
                attempt += 1
        yield
    finally:
        # Closing gives the lock back, also a child's copy of the descriptor is gone by O_CLOEXEC or its own close.
        os.close(descriptor)
