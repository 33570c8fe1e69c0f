"""Makes what was received durable, and gets it into the tables: two threads.

The first one writes and syncs whatever arrived while it was busy as one segment of the store's outbox; that is when
requests are answered. The second one takes the outbox into the tables, in large transactions, because a commit costs
some 80 ms however small; a reader that comes between does that itself.
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
    from firsttoken_dashboard.receive.json_text import Json

#: Spans of one segment. Larger ones gain no speed and make the first request of the group wait.
MAX_GROUP: Final = 20_000
#: Spans that may wait to become durable; beyond, clients are asked to come back later.
MAX_WAITING: Final = 100_000
#: Part of the outbox's bound that may be taken before clients are asked to come back: beyond the bound the oldest go.
MAX_OUTBOX: Final = 0.75
#: Spans that wait beside the tables, or seconds since the first of them, after which they are taken in.
MERGE_SPANS: Final = 40_000
MERGE_S: Final = 2.0
#: Part of the outbox's bound that is taken in at once again: more came meanwhile than one transaction holds.
_BACKLOG: Final = 0.05
#: Seconds that taking in waits for other processes, and then until the next try.
_PATIENCE_S: Final = 5.0
_RETRY_S: Final = 1.0

_log = logging.getLogger(__name__)


class OverloadedError(Exception):
    """Too much waits to be written; the client is to try again in a second."""


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
        #: Spans laid beside the store since it was last taken in, and when the first of them was.
        self._beside = 0
        self._beside_since = 0.0
        #: Whether more waits than one transaction takes, whoever laid it there.
        self._again = False
        self._all_laid = False
        self._merge = threading.Condition()
        self._layer = threading.Thread(target=self._lay, name="firsttoken-writer", daemon=True)
        self._merger = threading.Thread(target=self._take_in, name="firsttoken-merger", daemon=True)
        self._layer.start()
        self._merger.start()

    def report(self) -> dict[str, Json]:
        """What the health endpoint shows."""
        with self._merge:
            beside, since = self._beside, self._beside_since
        return self._health.report(self._waiting_spans, beside, time.monotonic() - since if beside else 0)

    def submit(self, spans: SpanBatch) -> Future[None]:
        """Hand over spans; the future is done when they are durable.

        It fails with StoreError or OSError when the store cannot be written now.

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
        """Write what waits, also into the tables where they are to be had, then stop."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._layer.join()
        with self._merge:
            self._all_laid = True
            self._merge.notify()
        self._merger.join()

    def _lay(self) -> None:
        while group := self._next_group():
            spans = sum(len(submission.spans) for submission in group)
            error = self._laid(group, spans)
            with self._wake:
                self._waiting_spans -= spans
            for submission in group:
                if error is None:
                    submission.durable.set_result(None)
                else:
                    submission.durable.set_exception(error)

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

    def _laid(self, group: list[_Submission], spans: int) -> Exception | None:
        """Lay a group beside the store, and return what went wrong rather than raise it: the thread must go on."""
        began = time.monotonic()
        try:
            if self._store.outbox_fill() > MAX_OUTBOX:
                return OverloadedError("the store does not keep up with what arrives")
            together = group[0].spans
            for submission in group[1:]:
                together.extend(submission.spans)
            self._store.lay_beside(together)
        except (StoreError, OSError) as error:
            self._health.store_failed(str(error))
            return error
        now = time.monotonic()
        self._health.stored(spans, now - began)
        with self._merge:
            if not self._beside:
                self._beside_since = now
            self._beside += spans
            self._merge.notify()
        return None

    def _take_in(self) -> None:
        while True:
            with self._merge:
                while not self._all_laid and (rest := self._until_due()) != 0:
                    self._merge.wait(rest)
                ending = self._all_laid
                taking, began = self._beside, time.monotonic()
            done = not (taking or self._again) or self._taken_in()
            with self._merge:
                if done:
                    self._beside -= taking
                    self._beside_since = began  # or a little later: when the first came that was not taken
                    self._again = self._store.outbox_fill() > _BACKLOG
                if ending:
                    return
                if not done:
                    self._merge.wait_for(lambda: self._all_laid, _RETRY_S)

    def _until_due(self) -> float | None:
        """Seconds until it is time to take in; None where nothing waits, 0 where it is time."""
        if self._again:
            return 0
        if not self._beside:
            return None
        if self._beside >= MERGE_SPANS:
            return 0
        return max(0, self._beside_since + MERGE_S - time.monotonic())

    def _taken_in(self) -> bool:
        began = time.monotonic()
        try:
            taken = self._store.take_in(patience_s=_PATIENCE_S)
        except (StoreError, OSError) as error:
            self._health.merge_failed(str(error))
            return False
        except Exception:  # noqa: BLE001 - the thread must outlive whatever DuckDB says of a batch
            _log.exception("what lies beside %s cannot be taken in", self._store.path)
            return False
        if taken:
            self._health.merged(time.monotonic() - began)
        return taken
