"""What the user did about findings: applied, snoozed until, dismissed because."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from firsttoken_dashboard.analysis import Window, rows

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class State:
    """A finding's state, "applied", "snoozed" or "dismissed"; times are UTC."""

    state: str
    since: datetime
    until: datetime | None
    because: str | None

    def aside(self, now: datetime) -> bool:
        """Whether it is not to be shown among the open ones at `now` (naive, UTC)."""
        return self.state == "dismissed" or (self.state == "snoozed" and self.until is not None and self.until > now)


def states(con: duckdb.DuckDBPyConnection) -> dict[str, State]:
    """The states of findings that are not open, by the finding's id."""
    return {row[0]: State(*row[1:]) for row in rows(con, "states", Window())}
