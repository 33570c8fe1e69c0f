"""What stands under the recommendations: slow first tokens taken apart, and what every rule came to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import streamlit as st

from firsttoken_dashboard.advisor.findings import Checked, Quiet, SlowFirstToken
from firsttoken_dashboard.app import components, courses, figures
from firsttoken_dashboard.app.components import Column, Lane, Row, Table
from firsttoken_dashboard.app.theme import PARTS
from firsttoken_dashboard.app.views import words

_PART_COLORS: Final = tuple(PARTS.values())
_OUTCOMES: Final = {"found": "", "good": "good", "not judged": "bad"}


def slow(found: Sequence[SlowFirstToken], root: Path | None) -> None:
    """Sites that let people wait, and what their first tokens' time is made of."""
    if not found:
        return
    st.subheader("Slow first token", anchor=False)
    st.caption(
        "Sites whose TTFT is over 3 s at the 95th percentile, and what the slow calls' time went to, on average."
    )
    for index, one in enumerate(found):
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


def rules(checked: Sequence[Checked], quiet: Sequence[Quiet]) -> None:
    """Every rule with its outcome: what could not be judged first, because that can be mended."""
    if not checked:
        return
    st.subheader("What was checked", anchor=False)
    good = sum(1 for one in checked if one.outcome == "good")
    blind = sum(1 for one in checked if one.outcome == "not judged")
    told = f"{len(checked)} rules: {good} found nothing to change, {blind} could not judge these calls."
    if quiet:
        names = ", ".join(f"{one.service or 'not named'} ({figures.count(one.n_calls)} calls)" for one in quiet[:8])
        told += f" No rule found fault with {names}{' and others' if len(quiet) > 8 else ''}."
    st.text(told)
    order = {"not judged": 0, "found": 1, "good": 2}
    components.table(
        Table(
            caption="What was checked",
            columns=[Column("rule", "Rule"), Column("outcome", "Outcome"), Column("note", "Why")],
            rows=[
                Row(
                    None,
                    [
                        {"text": one.title, "sub": one.rule},
                        {"text": one.outcome, "badge": True, "tone": _OUTCOMES[one.outcome]},
                        one.note or "",
                    ],
                )
                for one in sorted(checked, key=lambda one: order[one.outcome])
            ],
        ),
        key="checked",
    )
