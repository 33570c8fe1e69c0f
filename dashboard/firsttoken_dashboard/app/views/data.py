"""Data: where the calls come from, how large the store is, and a box for questions of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from firsttoken.store import StoreError
from firsttoken_dashboard.analysis import overview
from firsttoken_dashboard.analysis import sources as questions
from firsttoken_dashboard.analysis.sources import LIMIT_ROWS, LIMIT_S, Answer, QuestionError, Source
from firsttoken_dashboard.app import components, figures, links, live, reading
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
    _box()


def _sources(reader: Reader, chosen: Chosen) -> None:
    del chosen  # the store as a whole
    extent = reader.ask(overview.extent)
    found = reader.ask(questions.sources)
    path = reader.store.path
    waiting = list(path.parent.glob(f"{path.name}.outbox/*.json"))
    components.scores(
        [
            Score("Calls", figures.count(extent.n_calls), "Model calls in the store, whatever the window."),
            Score("File", _bytes(_size(path)), "The DuckDB file on this machine."),
            Score(
                "Waiting in the outbox",
                figures.count(len(waiting)),
                "Segments beside the file; who writes or reads next takes them in.",
            ),
            Score("Newest call", figures.moment(extent.last_start)[5:16], "When the newest call started, UTC."),
        ],
        key="data-scores",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.code(str(path), language=None, width="content")
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


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _bytes(size: int) -> str:
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size = size / 1000  # type: ignore[assignment]
    return f"{size:.3g} GB"
