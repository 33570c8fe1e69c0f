"""What the receiver did since it started: the numbers behind its health endpoint."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from firsttoken_dashboard.receive.json_text import Json


@dataclass(slots=True)
class Health:
    """Counters since the start. Every method may be called from any thread."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _started: float = field(default_factory=time.monotonic)
    _stored: int = 0
    _refused: Counter[str] = field(default_factory=Counter[str])
    _rejected: Counter[str] = field(default_factory=Counter[str])
    _last_stored_unix_s: float | None = None
    _last_commit_s: float | None = None
    _store_error: str | None = None

    def stored(self, spans: int, commit_s: float) -> None:
        """A group of spans is durable; writing it took `commit_s` seconds."""
        with self._lock:
            self._stored += spans
            self._last_stored_unix_s = time.time()
            self._last_commit_s = commit_s
            self._store_error = None

    def store_failed(self, reason: str) -> None:
        """A write failed; until the next one succeeds the receiver is not healthy."""
        with self._lock:
            self._store_error = reason

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
            return self._store_error is None

    def report(self, waiting_spans: int) -> dict[str, Json]:
        """Everything, as the health endpoint shows it; times in seconds."""
        with self._lock:
            return {
                "status": "ok" if self._store_error is None else "store unavailable",
                "store_error": self._store_error,
                "uptime_s": round(time.monotonic() - self._started, 3),
                "spans_stored": self._stored,
                "spans_waiting": waiting_spans,
                "spans_refused": dict[str, "Json"](self._refused),
                "requests_rejected": dict[str, "Json"](self._rejected),
                "last_stored_unix_s": self._last_stored_unix_s,
                "last_commit_s": self._last_commit_s,
            }
