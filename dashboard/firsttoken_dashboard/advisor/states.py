"""What becomes of findings, kept in the store's table `recommendations`.

    open -> applied -> verified | not effective -> reopened        seen from the calls (verify.py), or said
    dismissed (because), snoozed (until)                           the user's

Readable with SQL; what was measured lies in the JSON column `finding`::

    SELECT rule, state, (finding ->> '$.measured.saving.expected')::DOUBLE AS saved FROM recommendations
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final, cast

from firsttoken_dashboard import analysis
from firsttoken_dashboard.advisor import together
from firsttoken_dashboard.advisor.estimate import Rates
from firsttoken_dashboard.advisor.findings import Audit, Finding, Range, Site
from firsttoken_dashboard.advisor.followed import CHANGED, Followed, Measured, State

if TYPE_CHECKING:
    import duckdb

    from firsttoken.store import Store

_PACKAGE: Final = __package__ or ""
_PATIENCE_S: Final = 5.0


class UnknownFinding(Exception):  # noqa: N818 - an answer to the user
    """No recorded finding has this id; str() is one sentence that says what to do."""


def load(store: Store) -> dict[str, Followed]:
    """Every finding that was ever recorded, by id, oldest first. Raises StoreError."""
    with store.read() as con:
        return read(con)


def read(con: duckdb.DuckDBPyConnection) -> dict[str, Followed]:
    """As `load`, on a connection that is open."""
    return {row[0]: _followed(row) for row in analysis.rows(con, "followed", analysis.Window(), package=_PACKAGE)}


def dismiss(store: Store, finding_id: str, reason: str) -> Followed:
    """Never show it again, because. Raises UnknownFinding, StoreError."""
    return _change(store, finding_id, "dismissed", because=reason)


def snooze(store: Store, finding_id: str, until: datetime) -> Followed:
    """Do not show it before `until` (UTC where it has no zone). Raises UnknownFinding, StoreError."""
    return _change(store, finding_id, "snoozed", until=_naive_utc(until))


def apply(store: Store, finding_id: str, at: datetime | None = None) -> Followed:
    """Say that the change was made, now or at `at`; the calls since then tell what it saves. Raises as `dismiss`."""
    moment = now_utc() if at is None else _naive_utc(at)
    return _change(store, finding_id, "applied", applied_at=moment, said=True, measured=None)


def reopen(store: Store, finding_id: str) -> Followed:
    """Take back what was said of it. Raises UnknownFinding, StoreError."""
    return _change(store, finding_id, "open", applied_at=None, said=False, measured=None)


def new(finding: Finding, now: datetime) -> Followed:
    """A finding that was not recorded before."""
    window = finding.evidence.get("window")
    seen_until = window.get("to") if isinstance(window, dict) else None
    return Followed(
        id=finding.id,
        rule=finding.rule,
        title=finding.title,
        kind=finding.kind,
        site=finding.site,
        model=finding.model,
        key=finding.key,
        state="open",
        since=now,
        first_seen=now,
        last_seen=now,
        seen_until=_moment(seen_until),
        finding=json.loads(json.dumps(asdict(finding), default=str)),
    )


def keep(store: Store, followed: Iterable[Followed]) -> None:
    """Write these rows, each in place of the one with its id. Raises StoreError."""
    with store.write(patience_s=_PATIENCE_S) as con:
        con.begin()
        for one in followed:
            _write(con, one)
        con.commit()


def merge(audit: Audit, known: Mapping[str, Followed], *, now: datetime | None = None) -> Audit:
    """The audit with each finding's state; what the user set aside and what was changed is no longer among the open.

    The total is that of the findings which stay.
    """
    moment = now_utc() if now is None else now
    told = [_with_state(one, known, moment) for one in (*audit.findings, *audit.hints)]
    shown = [one for one in told if one.state not in {"dismissed", "snoozed", *CHANGED}]
    findings = [one for one in shown if one.kind == "finding"]
    total = audit.total
    if len(findings) < len(audit.findings):
        rates = Rates(audit.since, audit.until)
        total = together.total(audit.together, [one.id for one in findings], rates, audit.weight)
    return replace(
        audit,
        findings=findings,
        hints=[one for one in shown if one.kind == "hint"],
        set_aside=[one for one in told if one.state in {"dismissed", "snoozed"}],
        followed=[one for one in known.values() if one.state in CHANGED],
        total=total,
    )


def now_utc() -> datetime:
    """Now, as the store has it: UTC without a zone."""
    return datetime.now(timezone.utc).replace(tzinfo=None)


def _with_state(finding: Finding, known: Mapping[str, Followed], now: datetime) -> Finding:
    followed = known.get(finding.id)
    return finding if followed is None else replace(finding, state=followed.standing(now))


def _change(store: Store, finding_id: str, state: State, **more: Any) -> Followed:
    with store.read():  # a store that is not there is said to be so, and not made
        pass
    with store.write(patience_s=_PATIENCE_S) as con:
        before = _find(read(con), finding_id)
        changed = replace(before, **{"state": state, "since": now_utc(), "until": None, "because": None, **more})
        con.begin()
        _write(con, changed)
        con.commit()
    return changed


def _find(known: Mapping[str, Followed], finding_id: str) -> Followed:
    """The finding with this id, or the only one whose id begins so."""
    near = [known[finding_id]] if finding_id in known else []
    near = near or [one for key, one in known.items() if finding_id and key.startswith(finding_id)]
    if len(near) == 1:
        return near[0]
    if near:
        message = f"{len(near)} findings have an id that begins with {finding_id}; write more of it."
        raise UnknownFinding(message)
    message = f"No finding {finding_id} is recorded; `firsttoken findings` lists those that are."
    raise UnknownFinding(message)


def _write(con: duckdb.DuckDBPyConnection, one: Followed) -> None:
    con.execute("DELETE FROM recommendations WHERE id = ?", [one.id])
    own = {
        "applied_at": _iso(one.applied_at),
        "said": one.said,
        "watched_from": _iso(one.watched_from),
        "seen_until": _iso(one.seen_until),
        "measured": None if one.measured is None else asdict(one.measured),
    }
    analysis.rows(
        con,
        "keep_followed",
        analysis.Window(),
        package=_PACKAGE,
        id=one.id,
        rule=one.rule,
        service_name=one.site.service,
        file=one.site.file,
        line=one.site.line,
        function=one.site.function,
        model=one.model,
        state=one.state,
        since_then=one.since,
        snoozed_until=one.until,
        because=one.because,
        first_seen=one.first_seen,
        last_seen=one.last_seen,
        finding=json.dumps((one.finding or {}) | own),
    )


def _followed(row: tuple[Any, ...]) -> Followed:
    number, rule, service, file, line, function, model, state, since, until, because, first, last, text = row
    finding: dict[str, Any] = json.loads(text)
    site: dict[str, Any] = finding.get("site") or {}
    evidence: dict[str, Any] = finding.get("evidence") or {}
    window: dict[str, Any] = evidence.get("window") or {}
    applied_at = _moment(finding.get("applied_at"))
    return Followed(
        id=number,
        rule=rule,
        title=str(finding.get("title", rule)),
        kind=finding.get("kind", "finding"),
        site=Site(service, file, line, function, site.get("parent"), site.get("prompt")),
        model=model,
        key=str(finding.get("key", "")),
        state=cast("State", state),
        since=since,
        first_seen=first,
        last_seen=last,
        until=until,
        because=because,
        applied_at=since if applied_at is None and state == "applied" else applied_at,
        said=bool(finding.get("said", state == "applied")),
        watched_from=_moment(finding.get("watched_from")),
        seen_until=_moment(finding.get("seen_until") or window.get("to")),
        measured=_measured(finding.get("measured")),
        finding=finding,
    )


def _measured(told: dict[str, Any] | None) -> Measured | None:
    if told is None:
        return None
    values: dict[str, Any] = {**told, "saving": Range(**told["saving"])}
    return Measured(**values)


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="microseconds")


def _moment(text: object) -> datetime | None:
    """Read an ISO time; what ends in Z too, which Python 3.10 does not read."""
    if not isinstance(text, str):
        return None
    return _naive_utc(datetime.fromisoformat(text.replace("Z", "+00:00")))


def _naive_utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo is None else moment.astimezone(timezone.utc).replace(tzinfo=None)
