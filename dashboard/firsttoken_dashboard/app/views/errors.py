"""Errors and limits: what failed or was tried again, the time that cost, and what was left of the rate limits."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import streamlit as st

from firsttoken_dashboard.analysis import errors as questions
from firsttoken_dashboard.analysis.errors import Failure, Headroom
from firsttoken_dashboard.app import components, courses, figures, links, live
from firsttoken_dashboard.app.components import Cell, Column, Row, Score, Table
from firsttoken_dashboard.app.filters import Chosen
from firsttoken_dashboard.app.reading import Reader
from firsttoken_dashboard.app.theme import SERIES
from firsttoken_dashboard.app.views import words

_BUCKETS: Final = ("requests", "tokens", "input_tokens", "output_tokens")
_TIMEOUTS: Final = frozenset({"APITimeoutError", "client_timeout_error", "timeout_error"})


def draw() -> None:
    """Draw the page."""
    live.part(_scores)
    live.part(_charts)
    live.part(_failures)


def _scores(reader: Reader, chosen: Chosen) -> None:
    whole = reader.ask(questions.outcomes, chosen.window)
    if whole.n_calls == 0:
        words.no_calls(reader, chosen)
        return
    found = reader.ask(questions.failures, chosen.window)

    def counted(*, statuses: frozenset[int] = frozenset(), types: frozenset[str] = frozenset()) -> int:
        return sum(
            one.n_calls for one in found if one.failed and (one.http_status in statuses or one.error_type in types)
        )

    retried = sum(one.n_calls for one in found if not one.failed)
    lost = sum((one.waited_s or 0) + (one.failed_s or 0) for one in found)
    components.scores(
        [
            Score(
                "Failed calls",
                figures.count(whole.n_errors),
                words.ERRORS,
                f"{figures.percent(whole.n_errors / whole.n_calls)} of all",
            ),
            Score(
                "Overloaded, 529",
                figures.count(counted(statuses=frozenset({529}), types=frozenset({"overloaded_error"}))),
                "The API was overloaded: not your quota. Waiting, or another model, helps.",
            ),
            Score(
                "Over the limit, 429",
                figures.count(counted(statuses=frozenset({429}), types=frozenset({"rate_limit_error"}))),
                "Your own rate limit: spread the calls, or read more of the input from the cache.",
            ),
            Score(
                "Timed out",
                figures.count(counted(types=_TIMEOUTS)),
                "The client gave up waiting, after its retries.",
            ),
            Score(
                "Saved by a retry",
                figures.count(retried),
                "Calls that needed more than one attempt and then succeeded.",
            ),
            Score(
                "Time lost",
                figures.seconds(lost),
                "Failed calls from start to end, and backoff before retries of those that succeeded.",
            ),
        ],
        key="error-scores",
    )


def _charts(reader: Reader, chosen: Chosen) -> None:
    found = reader.ask(questions.course_of_errors, chosen.window, chosen.grain)
    left_over = reader.ask(questions.headroom, chosen.window, chosen.grain)
    if not left_over:
        return
    times = words.times(chosen, [one.moment for one in left_over])
    by_type: dict[str, dict[datetime, float | None]] = {}
    for one in found:
        by_type.setdefault(one.error_type, {})[one.moment] = one.n_calls
    left, right = st.columns(2, gap="medium")
    with left:
        components.chart(
            courses.bars(
                "Failed calls",
                f"calls per {chosen.grain}, by error",
                times,
                [(name, SERIES[index % len(SERIES)], values) for index, (name, values) in enumerate(by_type.items())],
                figures.count,
                chosen.grain,
                empty="No call failed in this window.",
            ),
            key="failed",
        )
    with right:
        components.chart(
            courses.lines(
                "Rate limit left",
                f"least share left per {chosen.grain}",
                times,
                [
                    (bucket.replace("_", " "), SERIES[index], _left(left_over, bucket))
                    for index, bucket in enumerate(_BUCKETS)
                    if any(value is not None for value in _left(left_over, bucket).values())
                ],
                figures.percent,
                chosen.grain,
                empty="No call brought rate-limit headers.",
            ),
            key="headroom",
        )


def _left(found: list[Headroom], bucket: str) -> dict[datetime, float | None]:
    return {one.moment: getattr(one, bucket) for one in found}


def _failures(reader: Reader, chosen: Chosen) -> None:
    found = reader.ask(questions.failures, chosen.window)
    if not found:
        return
    st.subheader("What failed, and where", anchor=False)
    components.table(
        Table(
            caption="What failed or was tried again",
            columns=[
                Column("error", "Outcome"),
                Column("n", "Calls", end=True),
                Column("site", "Site"),
                Column("model", "Model"),
                Column("waited", "Backoff", words.WAITED, end=True),
                Column("lost", "Failed calls took", end=True),
                Column("last", "Last"),
            ],
            rows=[Row(_calls(one, chosen), _cells(one)) for one in found],
            opens="Open the calls that ended in",
        ),
        key="failures",
    )


def _calls(one: Failure, chosen: Chosen) -> str:
    """The address of the calls behind a row."""
    return links.address(
        "calls",
        chosen,
        site=words.place(one.file, one.line) if one.file else None,
        model=one.model,
        outcome="failed" if one.failed else "retried",
        find=one.error_type if one.failed else None,
    )


def _cells(one: Failure) -> list[Cell]:
    status = f"{one.http_status} " if one.http_status and one.failed else ""
    return [
        {"text": f"{status}{one.error_type}", "tone": "bad" if one.failed else "", "badge": one.failed},
        figures.count(one.n_calls),
        words.site_cell(one.file, one.line, None, one.service),
        words.model_cell(one.model),
        figures.seconds(one.waited_s),
        figures.seconds(one.failed_s),
        {"text": figures.moment(one.last_start), "mono": True},
    ]
