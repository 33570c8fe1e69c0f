"""What the receiver says of itself, in a small file beside the store: for `firsttoken store info` and the dashboard.

The receiver is a process of its own, and its counters are no spans; the file is written anew every few seconds. Where
several receivers feed one store, it is the last one's word.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final, cast

#: Seconds between two words of a receiver; one that is silent for three times as long is not running.
INTERVAL_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    """A receiver's counters since it started. Times are UTC and naive."""

    written_at: datetime
    running: bool
    #: Spans made durable, in all and a second of its last minute.
    spans_stored: int
    spans_per_s: float
    #: Seconds that the first of what is not in the tables yet had waited.
    lag_s: float
    #: Spans that can never be stored, and whole requests answered with an error; each with its reason.
    spans_refused: tuple[tuple[str, int], ...]
    requests_rejected: tuple[tuple[str, int], ...]
    #: Why the store cannot be written; None where it can.
    error: str | None


def report_file(store: Path) -> Path:
    """Where the receiver of `store` writes."""
    return store.with_name(f"{store.name}.receiver.json")


def write_report(store: Path, report: Mapping[str, object], *, running: bool) -> None:
    """Replaces the report by the receiver's health as its endpoint tells it. Raises OSError."""
    path = report_file(store)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    unfinished.write_text(json.dumps({**report, "written_unix_s": time.time(), "running": running}), encoding="utf-8")
    unfinished.replace(path)


def read_report(store: Path) -> ReceiverReport | None:
    """The last report; None where no receiver ever wrote to `store`, or the file says nothing."""
    try:
        told: object = json.loads(report_file(store).read_bytes())
        if not isinstance(told, dict):
            return None
        report = cast("dict[str, Any]", told)
        written = float(report["written_unix_s"])
        return ReceiverReport(
            written_at=datetime.fromtimestamp(written, timezone.utc).replace(tzinfo=None),
            running=report["running"] is True and time.time() - written < 3 * INTERVAL_S,
            spans_stored=int(report["spans_stored"]),
            spans_per_s=float(report["spans_per_s"]),
            lag_s=float(report["lag_s"]),
            spans_refused=_counts(report["spans_refused"]),
            requests_rejected=_counts(report["requests_rejected"]),
            error=None if report["store_error"] is None else str(report["store_error"]),
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _counts(told: Mapping[str, Any]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted((str(reason), int(count)) for reason, count in told.items()))
