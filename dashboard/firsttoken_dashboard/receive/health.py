"""What the receiver did since it started: the numbers behind its health endpoint."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from firsttoken_dashboard.receive.json_text import Json

#: Seconds over which rates are told.
_RECENT_S: Final = 60


@dataclass(slots=True)
class Health:
    """Counters since the start. Every method may be called from any thread."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _started: float = field(default_factory=time.monotonic)
    _stored: int = 0
    #: What became durable when, by whole seconds of the monotonic clock.
    _recent: deque[tuple[int, int]] = field(default_factory=deque[tuple[int, int]])
    _refused: Counter[str] = field(default_factory=Counter[str])
    _rejected: Counter[str] = field(default_factory=Counter[str])
    _last_stored_unix_s: float | None = None
    _last_commit_s: float | None = None
    _last_merged_unix_s: float | None = None
    _last_merge_s: float | None = None
    _store_error: str | None = None
    _merge_error: str | None = None

    def stored(self, spans: int, commit_s: float) -> None:
        """A group of spans is durable; writing it took `commit_s` seconds."""
        with self._lock:
            self._stored += spans
            second = int(time.monotonic())
            if self._recent and self._recent[-1][0] == second:
                self._recent[-1] = (second, self._recent[-1][1] + spans)
            else:
                self._recent.append((second, spans))
            while self._recent[0][0] < second - _RECENT_S:
                self._recent.popleft()
            self._last_stored_unix_s = time.time()
            self._last_commit_s = commit_s
            self._store_error = None

    def merged(self, merge_s: float) -> None:
        """What lay beside the store is in the tables; that took `merge_s` seconds."""
        with self._lock:
            self._last_merged_unix_s = time.time()
            self._last_merge_s = merge_s
            self._merge_error = None

    def store_failed(self, reason: str) -> None:
        """A write failed; until the next one succeeds the receiver is not healthy."""
        with self._lock:
            self._store_error = reason

    def merge_failed(self, reason: str) -> None:
        """The tables cannot be written, and what arrives only lies beside them: the receiver is not healthy."""
        with self._lock:
            self._merge_error = reason

    def refused(self, reasons: Counter[str]) -> None:
        """Spans that can never be stored were refused, by reason; their neighbours were kept."""
        with self._lock:
            self._refused.update(reasons)

    def rejected(self, reason: str) -> None:
        """A whole request was answered with an error."""
        with self._lock:
            self._rejected[reason] += 1

    def is_good(self) -> bool:
        """Whether the last write succeeded, or none was tried yet."""
        with self._lock:
            return self._error() is None

    def report(self, waiting_spans: int, beside_spans: int, lag_s: float) -> dict[str, Json]:
        """Everything, as the health endpoint shows it; times in seconds.

        Args:
            waiting_spans: not durable yet.
            beside_spans: durable, and not in the tables yet.
            lag_s: since when the first of the latter waits.
        """
        with self._lock:
            now = time.monotonic()
            over = min(_RECENT_S, max(now - self._started, 1))
            recent = sum(spans for second, spans in self._recent if second >= now - over - 1)
            return {
                "status": "ok" if self._error() is None else "store unavailable",
                "store_error": self._error(),
                "uptime_s": round(now - self._started, 3),
                "spans_stored": self._stored,
                "spans_per_s": round(recent / over, 1),
                "spans_waiting": waiting_spans,
                "spans_beside_the_tables": beside_spans,
                "lag_s": round(lag_s, 3),
                "spans_refused": dict[str, "Json"](self._refused),
                "requests_rejected": dict[str, "Json"](self._rejected),
                "last_stored_unix_s": self._last_stored_unix_s,
                "last_commit_s": self._last_commit_s,
                "last_merged_unix_s": self._last_merged_unix_s,
                "last_merge_s": self._last_merge_s,
            }

    def _error(self) -> str | None:
        return self._store_error or self._merge_error
