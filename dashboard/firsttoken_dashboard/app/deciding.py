"""What a reader decides about a finding, written into the store's table `recommendations`."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime, timedelta, timezone
from typing import Final

import firsttoken.store
from firsttoken_dashboard.advisor.findings import Finding

_FORGET: Final = "DELETE FROM recommendations WHERE id = ?"
_KEEP: Final = """
INSERT INTO recommendations BY NAME
SELECT
    $id AS id, $rule AS rule, $service AS service_name, $file AS code_file, $line AS code_line,
    $function AS code_function, $model AS model, $state AS state, $now AS state_since, $until AS snoozed_until,
    $because AS dismissed_because, coalesce($first, $now) AS first_seen, $now AS last_seen, $finding AS finding
"""
_PATIENCE_S: Final = 5.0


def decide(
    store: firsttoken.store.Store,
    finding: Finding,
    state: str,
    *,
    snoozed_for: timedelta | None = None,
    because: str | None = None,
) -> None:
    """Set a finding's state: "open", "applied", "snoozed" (for how long) or "dismissed" (why). Raises StoreError."""
    now = datetime.now(timezone.utc).replace(tzinfo=None)
    with store.write(patience_s=_PATIENCE_S) as con:
        con.begin()
        seen = con.execute(
            "SELECT min(first_seen)::TIMESTAMP FROM recommendations WHERE id = ?", [finding.id]
        ).fetchone()
        con.execute(_FORGET, [finding.id])
        con.execute(
            _KEEP,
            {
                "id": finding.id,
                "rule": finding.rule,
                "service": finding.site.service,
                "file": finding.site.file,
                "line": finding.site.line,
                "function": finding.site.function,
                "model": finding.model,
                "state": state,
                "now": now,
                "until": None if snoozed_for is None else now + snoozed_for,
                "because": because,
                "first": seen[0] if seen else None,
                "finding": json.dumps(asdict(finding), default=str),
            },
        )
        con.commit()
