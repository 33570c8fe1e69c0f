"""When what an application deposited goes into the tables, and the thread that does it: no flush waits for DuckDB.

A process's first turn loads DuckDB, a quarter of a second on a busy machine, and where many processes start together
they all do at once. What is deposited is durable before that, so that nobody has to wait for it.
"""

from __future__ import annotations

import contextlib
import contextvars
import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from .errors import StoreUnreadable

_logger = logging.getLogger(__name__)

#: Seconds within which what was deposited is written, if more is deposited; and spans, whichever comes first.
DEPOSIT_S: Final = 30.0
DEPOSIT_SPANS: Final = 10_000


class Deposits:
    """Counts what lies beside one store, and takes it into the tables in one thread at most.

    The thread lives for one turn. It is no daemon: the interpreter's end would meet it inside of DuckDB, and crash; so
    the end waits for it, as long as a turn takes, and longer for nothing.

    Args:
        take_in: one turn, in the thread.
    """

    def __init__(self, take_in: Callable[[], None]) -> None:
        self._take_in = take_in
        self._spans = 0
        self._written_at: float | None = None
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        #: Why the last turn found that the store is none, so that nothing more is to be laid beside it.
        self.refusal: StoreUnreadable | None = None

    def add(self, spans: int) -> bool:
        """Whether it is time to write into the tables, after another `spans` were laid beside them."""
        self._spans += spans
        waited = None if self._written_at is None else time.monotonic() - self._written_at
        return waited is None or waited >= DEPOSIT_S or self._spans >= DEPOSIT_SPANS

    def written(self) -> None:
        """A turn is over; the next one is due later, also where this one came to nothing."""
        self._written_at = time.monotonic()
        self._spans = 0

    def write(self) -> None:
        """Begins a turn in the thread, unless one is under way; at the interpreter's end it takes the turn itself.

        Nobody waits for threads any more then, and what DuckDB's import runs must be over before Python says how the
        program ended: it forgets that it was by a KeyboardInterrupt when code is compiled after it.
        """
        if not threading.main_thread().is_alive():
            self._turn()
            return
        if not self._starting.acquire(blocking=False):
            return
        try:
            if self._thread is None or not self._thread.is_alive():
                # In the context of the caller, who may have switched instrumentations off.
                within = contextvars.copy_context()
                self._thread = threading.Thread(target=within.run, args=(self._turn,), name="firsttoken-store")
                # An interpreter that ends just now starts no threads; whoever reads takes it in, or the exporter's end.
                with contextlib.suppress(RuntimeError):
                    self._thread.start()
        finally:
            self._starting.release()

    def wait(self) -> None:
        """Returns when no turn is under way."""
        thread = self._thread
        if thread is not None and thread.is_alive():
            thread.join()

    def forked(self) -> None:
        """In a child: whoever held the lock is in the parent, and so is the thread."""
        self._starting = threading.Lock()
        self._thread = None

    def _turn(self) -> None:
        try:
            self._take_in()
        except StoreUnreadable as error:
            self.refusal = error
        except Exception as error:  # noqa: BLE001 - a thread's last words would be printed into the application's output
            _logger.debug("What was deposited stays beside the store: %r", error)
