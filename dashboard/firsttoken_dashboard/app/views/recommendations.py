"""Recommendations: what to change, the biggest saving first, each with its evidence, its fix and what became of it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Final

import streamlit as st

from firsttoken.store import StoreError
from firsttoken_dashboard.advisor import states
from firsttoken_dashboard.advisor.findings import Audit, Finding
from firsttoken_dashboard.advisor.followed import Followed
from firsttoken_dashboard.analysis import overview, sources
from firsttoken_dashboard.app import auditing, components, deciding, figures, later, links, live, reading
from firsttoken_dashboard.app.components import Action, Card
from firsttoken_dashboard.app.filters import Chosen
from firsttoken_dashboard.app.reading import Reader
from firsttoken_dashboard.app.views import checked, evidence, words

#: Cards that a page begins with: what comes after these saves little.
_FIRST: Final = 10
_OPEN: Final[tuple[Action, ...]] = ("apply", "snooze", "dismiss")


def draw() -> None:
    """Draw the page."""
    live.part(_findings)


def _findings(reader: Reader, chosen: Chosen) -> None:
    standing = auditing.audit(reader, chosen)
    found = standing.audit
    if found is None:
        words.auditing(standing)
        return
    if found.n_calls == 0 and not found.followed:
        words.no_calls(reader, chosen)
        return
    known = reader.ask(states.read)
    if wanted := st.query_params.get("finding"):
        _one(wanted, found, known, chosen)
        _demo(reader)
        return
    if site := st.query_params.get("site"):
        _of_site(site, found, known, chosen)
        return
    _summary(found)
    _demo(reader)
    shown = found.findings
    if len(shown) > _FIRST + 1 and not st.session_state.get("every"):
        shown = shown[:_FIRST]
    for one in shown:
        _card(one, found, known, chosen)
    if len(found.findings) > _FIRST + 1:
        st.toggle(f"Show all {len(found.findings)}", key="every", bind="query-params")
    if not found.findings:
        st.success(
            "Nothing to change here: every rule that could judge these calls found them good.",
            icon=":material/check_circle:",
        )
    _changed(found, chosen)
    _aside(found, known, chosen)
    _hints(found, known, chosen)
    checked.slow(found.slow_first_token, found.source_root)
    checked.rules(found.checked, found.quiet)


def _demo(reader: Reader) -> None:
    """Where the calls are those of one run of the demo: how its applications are run with their faults mended."""
    extent = reader.ask(overview.extent)
    if extent.n_simulated != extent.n_calls or extent.n_calls > later.SMALL or reader.ask(sources.demo_runs) != 1:
        return
    path = reader.store.path
    # As the demo lays it out: beside a store that was named, its applications stand in a folder of its name.
    named = f" --store {shlex.quote(str(path))}" if path.with_name(f"{path.stem}-apps").is_dir() else ""
    st.caption(
        "These are the demo's calls. Run its applications again with every fault mended, and see what that saves:"
    )
    st.code(f"firsttoken demo --fixed --no-dashboard{named}", language="bash")


def _one(wanted: str, found: Audit, known: Mapping[str, Followed], chosen: Chosen) -> None:
    """The finding that the address names, alone."""
    st.button("All recommendations", icon=":material/arrow_back:", on_click=_forget, type="tertiary")
    for one in (*found.findings, *found.hints, *found.set_aside):
        if one.id == wanted:
            _card(one, found, known, chosen)
            return
    for row in found.followed:
        if row.id == wanted:
            _followed(row, found, chosen)
            return
    st.warning("This window has no such recommendation: it may be mended, or in other calls.", icon=":material/search:")


def _of_site(site: str, found: Audit, known: Mapping[str, Followed], chosen: Chosen) -> None:
    """What there is to change at one line, and what was changed there."""
    st.button("All recommendations", icon=":material/arrow_back:", on_click=_forget, type="tertiary")
    st.text(f"At {site}")

    def here(one: Finding | Followed) -> bool:
        return one.site.file is not None and words.place(one.site.file, one.site.line) == site

    cards = [one for one in (*found.findings, *found.hints) if here(one)]
    for one in cards:
        _card(one, found, known, chosen)
    rows = [row for row in found.followed if here(row)]
    for row in rows:
        _followed(row, found, chosen)
    if not cards and not rows:
        st.success("Nothing to change at this line.", icon=":material/check_circle:")


def _forget() -> None:
    st.query_params.pop("finding", None)
    st.query_params.pop("site", None)


def _summary(found: Audit) -> None:
    n = len(found.findings)
    things = "Nothing" if n == 0 else "1 thing" if n == 1 else f"{n} things"
    told = f"{things} to change in {figures.count(found.n_calls)} calls"
    total = None if found.total is None else evidence.money(found.total)
    if found.total is not None and total is not None and n:
        dollars, per = total
        mixed = " of this mix" if per == "per 1,000 calls" else ""
        told += (
            f"; together they save {figures.usd(dollars.expected)} {per}{mixed}"
            f" ({evidence.interval(dollars, figures.usd)}), nothing counted twice"
        )
        if (month := evidence.at_this_rate(found.total)) is not None:
            told += f"; {month}"
    verified = sum(one.state == "verified" for one in found.followed)
    if verified:
        told += f". {verified} change{'' if verified == 1 else 's'} made so far, and measured to help: see below"
    st.text(f"{told}.")


def _card(one: Finding, found: Audit, known: Mapping[str, Followed], chosen: Chosen) -> None:
    saving = list(evidence.savings(one.saving))
    month = evidence.at_this_rate(one.saving)
    interval = "\n".join([*(f"{interval} {label}" for _, label, interval, _ in saving), *([month] if month else [])])
    state = None if one.state == "open" else known.get(one.id)
    happened = components.finding(
        Card(
            title=one.title,
            where=one.site.label(found.source_root),
            context=" · ".join(part for part in (one.site.service, one.model) if part),
            figures=saving or [("Risk", "no figure for this one", "", True)],
            badges=[
                *([] if state is None else [_said(state)]),
                (f"{one.confidence} confidence", one.caveats, ""),
                (f"{one.effort} effort", "What the change takes", ""),
                (f"{one.risk} risk", "What could go wrong with it", ""),
                (one.saving.method, evidence.method(one.saving), ""),
                (one.rule, "The rule that found it", ""),
            ],
            evidence=list(evidence.evidence(one)),
            before=one.fix.before,
            after=one.fix.after,
            why=one.fix.why,
            how="How the saving was computed, what could make it wrong, and how to verify it",
            details=[
                ("Method", evidence.method(one.saving)),
                ("Interval", interval or "No figure: a risk."),
                ("What could make it wrong", one.caveats),
                ("Verify", one.verify),
            ],
            links=_links(one, chosen),
            actions=("open",) if one.state in {"dismissed", "snoozed"} else _OPEN,
        ),
        key=f"finding-{one.id}",
    )
    _act(one, happened)


def _followed(one: Followed, found: Audit, chosen: Chosen) -> None:
    """A finding whose change was made: what it was measured to save."""
    since = f"Changed {figures.moment(one.applied_at)} UTC" if one.applied_at is not None else "Said to be changed"
    measured = one.measured
    happened = components.finding(
        Card(
            title=one.title,
            where=one.site.label(found.source_root),
            context=" · ".join(part for part in (one.site.service, one.model, since) if part),
            figures=[evidence.saved(measured)]
            if measured is not None
            else [("Not measured yet", "too few calls since the change", "", True)],
            badges=[_said(one), (one.rule, "The rule that found it", "")],
            evidence=[] if measured is None else list(evidence.before_after(measured)),
            links=_links_of_site(one.site.file, one.site.line, one.model, "The calls of this site", chosen),
            actions=("open",),
        ),
        key=f"followed-{one.id}",
    )
    _act(one, happened)


def _said(state: Followed) -> tuple[str, str, str]:
    """A state as a badge, and its story."""
    until = "" if state.until is None or state.state != "snoozed" else f" until {figures.day(state.until)}"
    tone = {"verified": "good", "reopened": "bad", "not effective": "bad"}.get(state.state, "")
    because = f": {state.because}" if state.because and state.state == "dismissed" else ""
    return f"{state.state}{until}{because}", f"Since {figures.moment(state.since)} UTC", tone


def _links(one: Finding, chosen: Chosen) -> list[tuple[str, str]]:
    """The way to the calls behind a finding, to a trace of them, and to the documentation."""
    n = one.evidence.get("n")
    calls = f"The {figures.count(n)} calls" if isinstance(n, int) else "The calls"
    told = _links_of_site(one.site.file, one.site.line, one.model, calls, chosen)
    if (trace := _trace(one)) is not None:
        told.append(("A sample trace", links.address("calls", chosen, trace=trace)))
    if one.fix.docs.startswith("https://"):
        told.append(("Documentation", one.fix.docs))
    return told


def _links_of_site(
    file: str | None, line: int | None, model: str | None, label: str, chosen: Chosen
) -> list[tuple[str, str]]:
    site = None if file is None else words.place(file, line)
    return [(label, links.address("calls", chosen, site=site, model=model))]


def _trace(one: Finding) -> str | None:
    traces = one.evidence.get("traces")
    return str(traces[0]) if isinstance(traces, list) and traces else None


def _act(one: Finding | Followed, happened: Mapping[str, str]) -> None:
    """Do what the reader asked for, and draw the list anew."""
    act = happened.get("do")
    if act not in {"apply", "snooze", "dismiss", "open"}:
        return
    try:
        store = reading.opened()
        if act == "snooze":
            deciding.decide(store, one, "snoozed", until=_midnight(happened.get("until", "")))
        elif act == "dismiss":
            deciding.decide(store, one, "dismissed", because=happened.get("because", "").strip()[:500] or None)
        else:
            deciding.decide(store, one, "applied" if act == "apply" else "open")
    except (StoreError, ValueError) as error:
        st.toast(links.plain(str(error)), icon=":material/error:")
        return
    st.query_params.pop("finding", None)
    st.rerun(scope="fragment")


def _midnight(day: str) -> datetime:
    """The start of that day, UTC. Raises ValueError where it is none."""
    return datetime.combine(date.fromisoformat(day), time())


def _changed(found: Audit, chosen: Chosen) -> None:
    if not found.followed:
        return
    st.subheader("Changed so far", anchor=False)
    order = {"verified": 0, "applied": 1, "not effective": 2}
    for one in sorted(found.followed, key=lambda row: (order.get(row.state, 3), row.title)):
        _followed(one, found, chosen)


def _aside(found: Audit, known: Mapping[str, Followed], chosen: Chosen) -> None:
    n = len(found.set_aside)
    if n and st.toggle(f"Show {n} snoozed or dismissed", key="aside", bind="query-params"):
        for one in found.set_aside:
            _card(one, found, known, chosen)


def _hints(found: Audit, known: Mapping[str, Followed], chosen: Chosen) -> None:
    n = len(found.hints)
    if n and st.toggle(
        f"Show {n} hint{'' if n == 1 else 's'}",
        key="hints",
        bind="query-params",
        help="Too few calls, or not certain enough, to be called a finding.",
    ):
        for one in found.hints:
            _card(one, found, known, chosen)
