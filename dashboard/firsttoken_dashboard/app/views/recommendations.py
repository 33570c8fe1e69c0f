"""Recommendations: what to change, the biggest saving first, each with its evidence, its fix and how to verify it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Final

import streamlit as st

from firsttoken.store import StoreError
from firsttoken_dashboard.advisor.findings import Audit, Checked, Finding, SlowFirstToken
from firsttoken_dashboard.analysis import states
from firsttoken_dashboard.analysis.states import State
from firsttoken_dashboard.app import components, courses, deciding, figures, links, live, reading
from firsttoken_dashboard.app.auditing import audit
from firsttoken_dashboard.app.components import Column, Head, Lane, Row, Table
from firsttoken_dashboard.app.filters import Chosen
from firsttoken_dashboard.app.reading import Reader
from firsttoken_dashboard.app.theme import PARTS
from firsttoken_dashboard.app.views import evidence, words

_PART_COLORS: Final = tuple(PARTS.values())


def draw() -> None:
    """Draw the page."""
    live.part(_findings)


def _findings(reader: Reader, chosen: Chosen) -> None:
    found = audit(reader, chosen.window)
    if found.n_calls == 0:
        words.no_calls(reader, chosen)
        return
    known = reader.ask(states.states)
    now = datetime.now(timezone.utc).replace(tzinfo=None)
    aside = [one for one in found.findings if one.id in known and known[one.id].aside(now)]
    _summary(found, len(aside))
    for one in found.findings:
        if one not in aside:
            _card(one, found, chosen, known.get(one.id))
    if aside and st.toggle(f"Show {len(aside)} snoozed or dismissed", key="aside", bind="query-params"):
        for one in aside:
            _card(one, found, chosen, known[one.id])
    if not found.findings:
        st.success(
            "Nothing to change here: every rule that could judge these calls found them good.",
            icon=":material/check_circle:",
        )
    if found.hints:
        n = len(found.hints)
        shown = st.toggle(
            f"Show {n} hint{'' if n == 1 else 's'}",
            key="hints",
            bind="query-params",
            help="Too few calls, or not certain enough, to be called a finding.",
        )
        for one in found.hints if shown else ():
            _card(one, found, chosen, known.get(one.id))
    _slow(found.slow_first_token, found.source_root)
    _checked(found.checked)


def _summary(found: Audit, n_aside: int) -> None:
    n = len(found.findings)
    told = f"{n} thing{'' if n == 1 else 's'} to change in {figures.count(found.n_calls)} calls"
    total = None if found.total is None else evidence.money(found.total)
    if found.total is not None and total is not None:
        dollars, per = total
        mixed = " of this mix" if per == "per 1,000 calls" else ""
        told += (
            f"; together they save {figures.usd(dollars.expected)} {per}{mixed}"
            f" ({evidence.interval(dollars, figures.usd)}), nothing counted twice"
        )
        if (month := evidence.at_this_rate(found.total)) is not None:
            told += f"; {month}"
    st.text(f"{told}{f'; {n_aside} of them set aside' if n_aside else ''}.")


def _card(one: Finding, found: Audit, chosen: Chosen, state: State | None) -> None:
    saving = list(evidence.savings(one.saving))
    with st.container(border=True, key=f"finding-{one.id}"):
        components.head(
            Head(
                title=one.title,
                where=one.site.label(found.source_root),
                context=" · ".join(part for part in (one.site.service, one.model) if part),
                figures=saving or [("Risk", "no figure for this one", "", True)],
                badges=[
                    *([] if state is None else [_said(state)]),
                    (f"{one.confidence} confidence", one.caveats),
                    (f"{one.effort} effort", "What the change takes"),
                    (f"{one.risk} risk", "What could go wrong with it"),
                    (one.saving.method, evidence.method(one.saving)),
                    (one.rule, "The rule that found it"),
                ],
                evidence=list(evidence.evidence(one)),
            ),
            key=f"head-{one.id}",
        )
        before, after = st.columns(2, gap="small")
        with before:
            st.caption("Before")
            st.code(one.fix.before, language="python", wrap_lines=True)
        with after:
            st.caption("After")
            st.code(one.fix.after, language="python", wrap_lines=True)
        st.text(one.fix.why)
        with st.expander("How the saving was computed, what could make it wrong, and how to verify it"):
            st.caption(f"Method: {one.saving.method}")
            st.text(evidence.method(one.saving))
            st.caption("Interval")
            told = [f"{interval} {label}" for _, label, interval, _ in saving]
            month = evidence.at_this_rate(one.saving)
            st.text("\n".join(told if month is None else [*told, month]) or "No figure: a risk.")
            st.caption("What could make it wrong")
            st.text(one.caveats)
            st.caption("Verify")
            st.text(one.verify)
        _behind(one, chosen)
        _decisions(one, state)


def _said(state: State) -> tuple[str, str]:
    """A state as a badge, and its story."""
    until = "" if state.until is None else f" until {figures.day(state.until)}"
    return f"{state.state}{until}", f"Since {figures.moment(state.since)} UTC. {state.because or ''}"


def _decisions(one: Finding, state: State | None) -> None:
    """What to do about it: said by the reader, kept in the store."""
    with st.container(horizontal=True, gap="small"):
        if state is not None:
            st.button(
                "Open it again", key=f"open-{one.id}", icon=":material/undo:", on_click=_decide, args=(one, "open")
            )
            return
        st.button(
            "Applied",
            key=f"applied-{one.id}",
            icon=":material/check:",
            on_click=_decide,
            args=(one, "applied"),
            help="The change is made: watch what the card's verification says.",
        )
        with st.popover("Snooze", icon=":material/snooze:"):
            for days in (1, 7, 30):
                st.button(
                    f"for {days} day{'' if days == 1 else 's'}",
                    key=f"snooze-{days}-{one.id}",
                    on_click=_decide,
                    args=(one, "snoozed", days),
                )
        with st.popover("Dismiss", icon=":material/block:"):
            st.text_input("Because", key=f"because-{one.id}", max_chars=500, placeholder="why it does not apply here")
            st.button("Dismiss", key=f"dismiss-{one.id}", on_click=_decide, args=(one, "dismissed"))


def _decide(one: Finding, state: str, days: int | None = None) -> None:
    because = str(st.session_state.get(f"because-{one.id}") or "").strip() if state == "dismissed" else None
    try:
        deciding.decide(
            reading.opened(),
            one,
            state,
            snoozed_for=None if days is None else timedelta(days=days),
            because=because or None,
        )
    except StoreError as error:
        st.toast(links.plain(str(error)), icon=":material/database_off:")


def _behind(one: Finding, chosen: Chosen) -> None:
    """The way to the calls, to one of them, and to the documentation."""
    n = one.evidence.get("n")
    traces = one.evidence.get("traces")
    place = None if one.site.file is None else f"{one.site.file}:{one.site.line}"
    with st.container(horizontal=True, gap="medium"):
        links.link(
            "Calls",
            f"The {figures.count(n)} calls" if isinstance(n, int) else "The calls",
            chosen,
            icon=":material/list:",
            site=place,
            model=one.model,
        )
        if isinstance(traces, list) and traces:
            links.link("Calls", "A sample trace", chosen, icon=":material/account_tree:", trace=str(traces[0]))
        if one.fix.docs.startswith("https://"):
            st.page_link(one.fix.docs, label="Documentation", icon=":material/open_in_new:")


def _slow(slow: Sequence[SlowFirstToken], root: Path | None) -> None:
    if not slow:
        return
    st.subheader("Slow first token", anchor=False)
    st.caption(
        "Sites whose TTFT is over 3 s at the 95th percentile, and what the slow calls' time went to, on average."
    )
    for index, one in enumerate(slow):
        total = sum(part.seconds for part in one.parts) or 1.0
        with st.container(border=True):
            st.text(
                f"{one.site.label(root)} · {words.model(one.model)}\n"
                f"TTFT p95 {figures.seconds(one.ttft_p95_s)}, p50 {figures.seconds(one.ttft_p50_s)}, "
                f"{figures.count(one.n)} calls. {one.advice}"
            )
            at = 0.0
            lanes: list[Lane] = []
            for number, part in enumerate(one.parts):
                color = _PART_COLORS[number % len(_PART_COLORS)]
                lanes.append(
                    Lane(
                        part.name,
                        figures.seconds(part.seconds),
                        [(at, at + part.seconds / total, color)],
                        title=part.rule,
                    )
                )
                at += part.seconds / total
            components.timeline("Where the time went", lanes, courses.ticks_of_seconds(total), key=f"slow-{index}")


def _checked(checked: Sequence[Checked]) -> None:
    if not checked:
        return
    good = sum(1 for one in checked if one.outcome == "good")
    blind = sum(1 for one in checked if one.outcome == "not judged")
    with st.expander(f"What was checked: {len(checked)} rules, {good} found nothing, {blind} could not judge"):
        components.table(
            Table(
                caption="What was checked",
                columns=[Column("rule", "Rule"), Column("outcome", "Outcome"), Column("note", "Why")],
                rows=[
                    Row(
                        None,
                        [
                            {"text": one.title, "sub": one.rule},
                            {"text": one.outcome, "badge": True},
                            one.note or figures.UNKNOWN,
                        ],
                    )
                    for one in checked
                ],
            ),
            key="checked",
        )
