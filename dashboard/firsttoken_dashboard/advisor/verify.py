"""Did the change help? Findings move from open to applied to verified or not effective, and back, by what calls say.

A change is seen in the calls (changes.py) or said by the user; what it saves is measured before against after
(before_after.py). The interval excludes zero: verified. It does not: not effective. The fault returns: reopened.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from firsttoken.store import StoreError
from firsttoken_dashboard import analysis, pricing
from firsttoken_dashboard.advisor import changes, states
from firsttoken_dashboard.advisor.before_after import EITHER, Call, measured, measures
from firsttoken_dashboard.advisor.findings import Audit, Site
from firsttoken_dashboard.advisor.followed import CHANGED, Followed, Measured, State
from firsttoken_dashboard.advisor.sites import Declared, locate

if TYPE_CHECKING:
    import duckdb

    from firsttoken.store import Store

_PACKAGE: Final = __package__ or ""
#: Calls of one file that are looked at; of more, whole traces are drawn.
MOST_CALLS: Final = 10_000
#: The latest calls that are held against those before them, to see whether a saving was lost again.
LATEST: Final = 40
#: Share of a saving that must be gone again.
LOST: Final = 0.5
#: A finding that is seen again and again is not written each time.
SEEN_AGAIN: Final = timedelta(hours=1)


def follow(
    store: Store,
    audit: Audit,
    *,
    service: str | None = None,
    prices: pricing.Prices | None = None,
    now: datetime | None = None,
) -> Audit:
    """Record what the audit found, look what became of everything found before, and tell both in the audit.

    `service` limits what is told to one service, as the audit's window does. A store that cannot be written (a copy,
    a busy moment) is read all the same. Raises StoreError where it cannot be read.
    """
    moment = states.now_utc() if now is None else now
    with store.read() as con:
        before = states.read(con)
        known = before | {one.id: one for one in _seen(audit, before, moment)}
        after = _judged(con, known, audit.source_root, pricing.load() if prices is None else prices, moment)
    changed = [one for one in after.values() if before.get(one.id) != one]
    if changed:
        with contextlib.suppress(StoreError):
            states.keep(store, changed)
    shown = {key: one for key, one in after.items() if service is None or one.site.service == service}
    return states.merge(audit, shown, now=moment)


def _seen(audit: Audit, known: dict[str, Followed], now: datetime) -> list[Followed]:
    """Rows for what the audit found: new ones, and those that were last seen a while ago."""
    found: list[Followed] = []
    for one in (*audit.findings, *audit.hints):
        row = known.get(one.id)
        if row is None:
            found.append(states.new(one, now))
        elif now - row.last_seen > SEEN_AGAIN or (row.kind, one.kind) == ("hint", "finding"):
            # Once certain, always followed: amid calls after the change a fault may look like a doubt.
            found.append(replace(row, last_seen=now, kind="finding" if one.kind == "finding" else row.kind))
    return found


def _judged(
    con: duckdb.DuckDBPyConnection,
    known: dict[str, Followed],
    root: Path | None,
    prices: pricing.Prices,
    now: datetime,
) -> dict[str, Followed]:
    watched = [one for one in known.values() if _is_watched(one, now)]
    if not watched:
        return known
    pricing.attach(con, prices)
    con.execute("CREATE OR REPLACE TEMP TABLE watched_sites (service VARCHAR, file VARCHAR)")
    files = {(one.site.service, one.site.file) for one in watched if one.site.file is not None}
    if files:
        con.executemany("INSERT INTO watched_sites VALUES (?, ?)", [list(pair) for pair in files])
    _ask(con, "watched_calls")
    _ask(con, "watched_files", most=MOST_CALLS)
    read: dict[Site, list[Call]] = {}
    judged = dict(known)
    located = False
    for one in watched:
        place = Site(one.site.service, one.site.file, parent=one.site.parent, prompt=one.site.prompt)
        if place not in read:
            read[place] = _calls(con, place)
        if not read[place]:
            # The line is an ancestor's, or none is known: every call has to be looked at for that.
            if not located:
                locate(con, analysis.Window(), root=root, said=Declared())
                located = True
            _ask(con, "watched_place", **_key(place), most=MOST_CALLS)
            read[place] = _calls(con, place)
        judged[one.id] = judge(one, read[place], now)
    return judged


def _key(place: Site) -> dict[str, str | None]:
    return {"site_service": place.service, "file": place.file, "parent": place.parent, "prompt": place.prompt}


def _ask(con: duckdb.DuckDBPyConnection, question: str, **values: object) -> list[tuple[Any, ...]]:
    return analysis.rows(con, question, analysis.Window(), package=_PACKAGE, **values)


def _is_watched(one: Followed, now: datetime) -> bool:
    return not one.aside(now) and (one.kind == "finding" or one.state in CHANGED)


def _calls(con: duckdb.DuckDBPyConnection, place: Site) -> list[Call]:
    told = len(fields(Call)) - 1
    return [Call(*row[:told], configuration=row[told:]) for row in _ask(con, "verify_calls", **_key(place))]


def judge(one: Followed, calls: Sequence[Call], now: datetime) -> Followed:
    """What became of a finding, as the calls of its file (in time order) tell at `now` (UTC, naive)."""
    own = _own(one, calls)
    if one.state in CHANGED and (back := _back(one, own)) is not None:
        return replace(
            one,
            state="reopened",
            since=now,
            applied_at=None,
            said=False,
            measured=None,
            watched_from=_moment(back),
            seen_until=_moment(own[-1].start_s),
        )
    shown = changes.marks(one, own)
    at = changes.seconds(one.applied_at) if one.applied_at is not None else _changed_at(one, own, shown)
    if at is None:
        return one
    saved = _saved(one, own, at)
    by_outcome = shown is None and one.applied_at is None
    if by_outcome and (saved is None or saved.saving.low <= 0):
        return one  # something else changed here, and the fault is as it was
    if saved is None and one.measured is not None:
        return one  # the calls that it was measured on are gone; what was measured stays true
    state: State = "applied" if saved is None else "verified" if saved.saving.low > 0 else "not effective"
    since = one.since if state == one.state else now
    return replace(one, state=state, since=since, until=None, applied_at=_moment(at), measured=saved)


def _changed_at(one: Followed, own: Sequence[Call], shown: changes.Marks | None) -> float | None:
    turn = changes.turn(changes.reconfigured(one, own) if shown is None else shown)
    return None if turn is None else own[turn].start_s


def _saved(one: Followed, own: Sequence[Call], at: float) -> Measured | None:
    before = [call for call in own if call.start_s < at]
    after = [call for call in own if call.start_s >= at]
    answers = [
        answer for measure in measures(one.rule, one.key) if (answer := measured(before, after, measure)) is not None
    ]
    if one.rule in EITHER:
        answers.sort(key=lambda answer: answer.saving.low <= 0)
    return answers[0] if answers else None


def _back(one: Followed, own: Sequence[Call]) -> float | None:
    """When the fault came back, if it did: the marks are gone again, or most of the saving is."""
    if one.applied_at is None:
        return None
    since = [call for call in own if call.start_s >= changes.seconds(one.applied_at)]
    shown = changes.marks(one, since)
    if shown is not None:
        place = changes.relapse(shown)
        return None if place is None else since[place].start_s
    if one.state != "verified" or one.measured is None:
        return None
    rest, latest = since[:-LATEST], since[-LATEST:]
    for measure in measures(one.rule, one.key):
        course = measured(rest, latest, measure)
        if course is not None:
            lost = course.saving.high < 0 and -course.saving.expected > LOST * one.measured.saving.expected
            return latest[0].start_s if lost else None
    return None


def _own(one: Followed, calls: Sequence[Call]) -> list[Call]:
    """The calls of the finding's function; where a function that took its place in the file makes them now, those too.

    Calls to models that were used here beside the finding's own belong to other findings.
    """
    function = one.site.function
    own = [call for call in calls if call.function == function]
    if not own:
        return []
    stopped = own[-1].start_s
    others = {call.function for call in calls if call.start_s <= stopped}
    own += [call for call in calls if call.start_s > stopped and call.function not in others]
    beside: set[str | None] = set()
    if one.rule != "use-smaller-model" and one.seen_until is not None:
        until = changes.seconds(one.seen_until) + 1
        beside = {call.model for call in own if call.start_s < until} - {one.model}
    first = 0.0 if one.watched_from is None else changes.seconds(one.watched_from)
    return [call for call in own if call.model not in beside and call.start_s >= first]


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc).replace(tzinfo=None)
