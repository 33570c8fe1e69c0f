"""Data: how large the store is and whether all arrives, where calls come from, files to import, questions in SQL."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from typing import Any

import streamlit as st

from firsttoken.store import StoreError, maintenance, retention
from firsttoken_dashboard.analysis import overview
from firsttoken_dashboard.analysis import sources as questions
from firsttoken_dashboard.analysis.sources import LIMIT_ROWS, LIMIT_S, Answer, QuestionError, Source
from firsttoken_dashboard.app import components, figures, importing, links, live, reading
from firsttoken_dashboard.app.components import Cell, Column, Row, Score, Table
from firsttoken_dashboard.app.filters import Chosen
from firsttoken_dashboard.app.reading import Reader

_EXAMPLE = """\
SELECT code_function, count(*) AS calls, round(quantile_cont(ttft_s, 0.95), 2) AS ttft_p95_s
FROM calls
WHERE operation = 'chat'
GROUP BY code_function
ORDER BY calls DESC"""


def draw() -> None:
    """Draw the page."""
    live.part(_sources)
    _import()
    _box()


def _sources(reader: Reader, chosen: Chosen) -> None:
    del chosen  # the store as a whole
    info = reader.remembered(("info",), lambda: maintenance.info(reader.store))
    extent = reader.ask(overview.extent)
    found = reader.ask(questions.sources)
    lost = sum(n for _, n in info.drops)
    components.scores(
        [
            Score("Calls", figures.count(info.calls), "Model calls in the store, whatever the window."),
            Score("Spans", figures.count(info.spans), "Everything that arrived, calls and what is around them."),
            Score(
                "File",
                _bytes(info.file_bytes),
                "The DuckDB file on this machine. Room that was given up is used again for what comes.",
                f"{_bytes(info.used_bytes)} in use",
            ),
            Score(
                "Kept for",
                f"{figures.count(_limit(retention.DAYS_VARIABLE, retention.DEFAULT_DAYS))} days",
                f"Older spans are deleted, ${retention.DAYS_VARIABLE} says when; beyond a size, "
                f"${retention.BYTES_VARIABLE}, the oldest go first.",
                f"or {_bytes(_limit(retention.BYTES_VARIABLE, retention.DEFAULT_BYTES))}",
            ),
            Score(
                "Newest call",
                f"{figures.seconds(_ago(extent.last_start))} ago",
                "How long ago the newest call started.",
                f"{figures.moment(extent.last_start)} UTC",
            ),
            Score(
                "Waiting",
                figures.count(info.outbox_spans),
                "Spans beside the file that could not be written at once: who writes or reads next takes them in.",
                f"{figures.count(info.outbox_segments)} files" if info.outbox_segments else "",
            ),
            Score(
                "Lost",
                figures.count(lost),
                "Spans that could not be kept: the disk was full, the store could not be written.",
                "; ".join(f"{figures.count(n)}: {reason}" for reason, n in info.drops),
                "bad" if lost else "soft",
            ),
            Score(
                "Not understood",
                figures.percent(_without(found)),
                "Calls without token counts: their instrumentation does not record them, or they failed.",
                "of calls without tokens",
            ),
        ],
        key="data-scores",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.code(str(info.path), language=None, wrap_lines=True, width="content")
    st.subheader("Where calls come from", anchor=False)
    components.table(
        Table(
            caption="Where calls come from",
            columns=[
                Column("service", "Service"),
                Column("dialect", "Recorded by"),
                Column("n", "Calls", end=True),
                Column("first", "First"),
                Column("last", "Last"),
                Column(
                    "ttft",
                    "With TTFT",
                    "Only streamed calls have one, and not every instrumentation records it",
                    end=True,
                ),
                Column("tokens", "With tokens", end=True),
                Column("located", "With a source line", end=True),
            ],
            rows=[Row(None, _cells(one)) for one in found],
        ),
        key="sources",
    )


def _limit(variable: str, usual: float) -> float:
    """A bound as this process would heed it."""
    try:
        return float(os.environ.get(variable) or usual)
    except ValueError:
        return usual


def _ago(at: datetime | None) -> float | None:
    if at is None:
        return None
    return max(0.0, (datetime.now(timezone.utc).replace(tzinfo=None) - at).total_seconds() // 60 * 60)


def _without(found: list[Source]) -> float | None:
    """The share of calls without token counts."""
    n = sum(one.n_calls for one in found)
    return sum(one.n_calls - one.n_tokens for one in found) / n if n else None


def _import() -> None:
    st.subheader("Import a file", anchor=False)
    with st.form("import", border=False, clear_on_submit=True):
        # How large it may be is said to the server (command.py).
        file = st.file_uploader(
            "A collector's JSON lines, an OTLP JSON document or OTLP protobuf, gzipped or not; at most "
            f"{importing.MOST_MB} MB unpacked."
        )
        asked = st.form_submit_button("Import", icon=":material/upload:")
    if not asked or file is None:
        return
    with st.spinner("Importing", show_time=True):
        try:
            told = importing.take(reading.opened().path, file.name, file.getvalue())
        except (importing.ImportRefused, StoreError) as error:
            st.error(links.plain(str(error)), icon=":material/error:")
            return
    st.success(links.plain(told), icon=":material/check_circle:")


def _cells(one: Source) -> list[Cell]:
    return [
        one.service or "not named",
        {"text": one.dialect, "sub": one.scope or ""},
        figures.count(one.n_calls),
        {"text": figures.moment(one.first_start), "mono": True},
        {"text": figures.moment(one.last_start), "mono": True},
        figures.percent(one.n_ttft / one.n_calls),
        figures.percent(one.n_tokens / one.n_calls),
        figures.percent(one.n_located / one.n_calls),
    ]


def _box() -> None:
    st.subheader("Ask in SQL", anchor=False)
    st.caption(
        f"One SELECT over calls, spans and recommendations: DuckDB's SQL, read-only, at most {LIMIT_S:.0f} s and "
        f"{figures.count(LIMIT_ROWS)} rows."
    )
    with st.form("sql", border=False):
        question = st.text_area("SQL", value=_EXAMPLE, height=150, label_visibility="collapsed", key="question")
        asked = st.form_submit_button("Run", icon=":material/play_arrow:")
    if asked:
        st.session_state["asked"] = question
    if "asked" not in st.session_state:
        return
    try:
        with reading.opened().read() as con:
            answer = questions.free(con, str(st.session_state["asked"]))
    except (QuestionError, StoreError) as error:
        st.error(links.plain(str(error)), icon=":material/error:")
        return
    _answer(answer)


def _answer(answer: Answer) -> None:
    components.table(
        Table(
            caption="Answer",
            columns=[Column(str(index), name) for index, name in enumerate(answer.columns)],
            rows=[Row(None, [_text(value) for value in row]) for row in answer.rows],
            empty="No rows.",
        ),
        key="answer",
    )
    st.caption(
        f"The first {figures.count(LIMIT_ROWS)} rows." if answer.cut else f"{figures.count(len(answer.rows))} rows."
    )


def _text(value: Any) -> str:
    text = "NULL" if value is None else str(value)
    return text if len(text) <= 300 else f"{text[:300]}…"


def _bytes(size: float) -> str:
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size = size / 1000
    return f"{size:.3g} GB"
