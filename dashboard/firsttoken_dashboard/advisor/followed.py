"""A finding's life after it was found: its state, when the change came, and what that was measured to save."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeAlias

from firsttoken_dashboard.advisor.findings import Json, Kind, Range, Site

State: TypeAlias = Literal["open", "applied", "verified", "not effective", "reopened", "dismissed", "snoozed"]

#: The change was made: what is left to say is whether it helped.
CHANGED: Final[frozenset[State]] = frozenset({"applied", "verified", "not effective"})

Unit: TypeAlias = Literal["s", "usd", "share"]


@dataclass(frozen=True, slots=True)
class Measured:
    """Before against after, on the calls themselves.

    ``measure`` names the figure ("wait until the first words"), in ``unit`` ("share": of calls, 0 to 1) and for each
    ``per`` ("call" or "request"). ``before`` and ``after`` are its median or mean, ``saving`` their difference with a
    bootstrap interval of 98 %; ``n_before`` and ``n_after`` count what they rest on: traces, or single calls.
    """

    measure: str
    unit: Unit
    per: str
    before: float
    after: float
    saving: Range
    n_before: int
    n_after: int


@dataclass(frozen=True, slots=True)
class Followed:
    """One row of the table `recommendations`. Times are UTC, naive.

    ``since`` is when the state came about. ``applied_at`` is the first call after the change, or the moment that the
    user named (``said``). Of the calls, only those from ``watched_from`` on count (None: all): it is where a fault
    that had been mended came back. ``seen_until`` is the end of the calls in which it was first found.
    """

    id: str
    rule: str
    title: str
    kind: Kind
    site: Site
    model: str | None
    key: str
    state: State
    since: datetime
    first_seen: datetime
    last_seen: datetime
    until: datetime | None = None
    because: str | None = None
    applied_at: datetime | None = None
    said: bool = False
    watched_from: datetime | None = None
    seen_until: datetime | None = None
    measured: Measured | None = None
    finding: dict[str, Json] | None = None

    def aside(self, now: datetime) -> bool:
        """Whether the user does not want to see it at ``now`` (UTC, naive)."""
        return self.state == "dismissed" or (self.state == "snoozed" and self.until is not None and self.until > now)

    def standing(self, now: datetime) -> State:
        """The state, where a snooze that is over is open again."""
        return "open" if self.state == "snoozed" and not self.aside(now) else self.state
