"""What a reader decides about a finding, written into the store's table `recommendations`."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import cast

import firsttoken.store
from firsttoken_dashboard.advisor import states
from firsttoken_dashboard.advisor.findings import Finding
from firsttoken_dashboard.advisor.followed import State


def decide(
    store: firsttoken.store.Store,
    finding: Finding,
    state: str,
    *,
    snoozed_for: timedelta | None = None,
    because: str | None = None,
) -> None:
    """Set a finding's state: "open", "applied", "snoozed" (for how long) or "dismissed" (why). Raises StoreError."""
    now = states.now_utc()
    row = states.load(store).get(finding.id) or states.new(finding, now)
    changed = replace(
        row,
        state=cast("State", state),
        since=now,
        until=None if snoozed_for is None else now + snoozed_for,
        because=because,
    )
    if state in {"open", "applied"}:
        said = state == "applied"
        changed = replace(changed, applied_at=now if said else None, said=said, measured=None)
    states.keep(store, [changed])
