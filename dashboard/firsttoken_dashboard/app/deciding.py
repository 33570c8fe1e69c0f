"""What a reader decides about a finding, written into the store's table `recommendations`."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import firsttoken.store
from firsttoken_dashboard.advisor import states
from firsttoken_dashboard.advisor.findings import Finding
from firsttoken_dashboard.advisor.followed import Followed, State


def decide(
    store: firsttoken.store.Store,
    what: Finding | Followed,
    state: State,
    *,
    until: datetime | None = None,
    because: str | None = None,
) -> None:
    """Set a finding's state: "open", "applied", "snoozed" (until when, UTC) or "dismissed" (why). Raises StoreError."""
    now = states.now_utc()
    row = what if isinstance(what, Followed) else states.load(store).get(what.id) or states.new(what, now)
    changed = replace(row, state=state, since=now, until=until, because=because)
    if state in {"open", "applied"}:
        said = state == "applied"
        changed = replace(changed, applied_at=now if said else None, said=said, measured=None)
    states.keep(store, [changed])
