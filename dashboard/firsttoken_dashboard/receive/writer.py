"""The one thread that writes to the store, with group commit.

Opening, inserting and closing a DuckDB file costs some 40 ms however many rows go in. So whatever arrived while the
last group was being written goes in together, and each request is answered once the group that holds it is durable.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final, NamedTuple

from firsttoken.store import SpanBatch, StoreError

if TYPE_CHECKING:
    from firsttoken.store import Store
    from firsttoken_dashboard.receive.health import Health

#: Spans of one group. Larger ones gain no speed and make the first request of the group wait.
MAX_GROUP: Final = 20_000
#: Spans that may wait to be written; beyond, clients are asked to come back later.
MAX_WAITING: Final = 100_000

_log = logging.getLogger(__name__)


class OverloadedError(Exception):
    """Too much waits to be written; the client is to try again in a second."""


class NotStorableError(Exception):
    """The store will never take these spans; sending them again is of no use."""


class _Submission(NamedTuple):
    spans: SpanBatch
    durable: Future[None]


class Writer:
    """Makes spans durable, in the order in which they came."""

    def __init__(self, store: Store, health: Health) -> None:
        self._store = store
        self._health = health
        self._waiting: deque[_Submission] = deque()
        self._waiting_spans = 0
        self._closed = False
        self._wake = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="firsttoken-writer", daemon=True)
        self._thread.start()

    @property
    def waiting_spans(self) -> int:
        """Spans that are not durable yet."""
        return self._waiting_spans

    def submit(self, spans: SpanBatch) -> Future[None]:
        """Hand over spans; the future is done when they are durable.

        It fails with StoreError or OSError when the store cannot be written now, with NotStorableError when it never
        will take them.

        Raises:
            OverloadedError: too many spans wait already, or the receiver is stopping.
        """
        durable: Future[None] = Future()
        if not len(spans):
            durable.set_result(None)
            return durable
        with self._wake:
            if self._closed:
                raise OverloadedError("the receiver is stopping")
            if self._waiting_spans and self._waiting_spans + len(spans) > MAX_WAITING:
                raise OverloadedError(f"{self._waiting_spans} spans wait to be written")
            self._waiting.append(_Submission(spans, durable))
            self._waiting_spans += len(spans)
            self._wake.notify()
        return durable

    def close(self) -> None:
        """Write what waits, then stop."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join()

    def _run(self) -> None:
        while group := self._next_group():
            self._commit(group)
            with self._wake:
                self._waiting_spans -= sum(len(submission.spans) for submission in group)

    def _next_group(self) -> list[_Submission]:
        """Wait for work; empty once closed and drained."""
        with self._wake:
            self._wake.wait_for(lambda: self._waiting or self._closed)
            group: list[_Submission] = []
            spans = 0
            while self._waiting and (not group or spans + len(self._waiting[0].spans) <= MAX_GROUP):
                submission = self._waiting.popleft()
                group.append(submission)
                spans += len(submission.spans)
            return group

    def _commit(self, group: list[_Submission]) -> None:
        if len(group) == 1:
            error = self._append(group[0].spans)
        else:
            together = SpanBatch()
            for submission in group:
                together.extend(submission.spans)
            error = self._append(together)
            if isinstance(error, NotStorableError):
                # One request that the store cannot take must not cost the others theirs.
                for submission in group:
                    self._commit([submission])
                return
        for submission in group:
            if error is None:
                submission.durable.set_result(None)
            else:
                submission.durable.set_exception(error)

    def _append(self, spans: SpanBatch) -> Exception | None:
        """Write, and return what went wrong rather than raise it: this thread must outlive every batch."""
        began = time.monotonic()
        try:
            self._store.append_batch(spans)
        except (StoreError, OSError) as error:
            self._health.store_failed(str(error))
            return error
        except Exception as error:  # noqa: BLE001 - what DuckDB says of a batch ends that batch, not the thread
            _log.exception("a batch of %d spans cannot be written", len(spans))
            return NotStorableError(str(error))
        self._health.stored(len(spans), time.monotonic() - began)
        return None
