"""Calls: every call that the filters leave, page by page; and one of them, where the address names it."""

from __future__ import annotations

from typing import Final

import streamlit as st

from firsttoken.store import StoreError
from firsttoken_dashboard.analysis import calls as questions
from firsttoken_dashboard.analysis.calls import Choices, Filter, Listed
from firsttoken_dashboard.app import components, exporting, figures, links, live, reading
from firsttoken_dashboard.app.choosing import choice
from firsttoken_dashboard.app.components import Cell, Column, File, Row, Table
from firsttoken_dashboard.app.exporting import Wanted
from firsttoken_dashboard.app.filters import Chosen, chosen
from firsttoken_dashboard.app.reading import Reader
from firsttoken_dashboard.app.views import call, words

SIZE: Final = 25
_ANY_MODEL: Final = "any model"
_ANY_SITE: Final = "any site"
# As a control shows it, so the address has it: Streamlit binds what is shown.
_OUTCOMES: Final = ("failed", "retried", "cut")
#: From, and up to but without, seconds.
_DURATIONS: Final[dict[str, tuple[float | None, float | None]]] = {
    "under 1 s": (None, 1),
    "1 to 5 s": (1, 5),
    "5 to 20 s": (5, 20),
    "20 to 60 s": (20, 60),
    "over 1 s": (1, None),
    "over 5 s": (5, None),
    "over 20 s": (20, None),
    "over 1 min": (60, None),
}
_COLUMNS: Final = (
    Column("started", "Started", sortable=True),
    Column("site", "Site"),
    Column("model", "Model"),
    Column("outcome", "Outcome"),
    Column("ttft", "TTFT", words.TTFT, end=True, sortable=True),
    Column("duration", "Duration", "From the request to the end of the answer", end=True, sortable=True),
    Column("rate", "Speed", words.RATE, end=True, sortable=True),
    Column("input", "Input", "All input tokens, and how many of them came from the cache", end=True, sortable=True),
    Column("output", "Output", "Output tokens, thinking included", end=True, sortable=True),
    Column("cost", "Cost", words.COST, end=True, sortable=True),
)


def draw() -> None:
    """Draw one call, or the list."""
    if span := st.query_params.get("call"):
        call.draw(span)
        return
    _filters()
    live.part(_list)


def _filters() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        found = _choices()
        st.text_input(
            "Find",
            key="find",
            bind="query-params",
            placeholder="id, error, function …",
            label_visibility="collapsed",
            width=170,
        )
        choice("Model", _with(_ANY_MODEL, found.models, st.query_params.get("model")), key="model", width=180)
        _site(found)
        st.pills(
            "Outcome",
            _OUTCOMES,
            key="outcome",
            bind="query-params",
            label_visibility="collapsed",
        )
        choice("Duration", list(_DURATIONS), key="duration", width=145, placeholder="any duration")
        with st.popover("Columns", icon=":material/view_column:"):
            st.pills(
                "Columns",
                [column.label for column in _COLUMNS[1:]],
                selection_mode="multi",
                default=[column.label for column in _COLUMNS[1:]],
                key="columns",
                bind="query-params",
                label_visibility="collapsed",
            )
    if trace := st.query_params.get("trace"):
        st.button(f"Trace {trace[:12]}… only", icon=":material/close:", on_click=_forget_trace, type="tertiary")


def _site(found: Choices) -> None:
    """The one filter that shows less than the address says: the end of a path, which two sites may share."""
    wanted = st.query_params.get("site")
    st.session_state["site_shown"] = wanted or _ANY_SITE
    choice(
        "Site",
        _with(_ANY_SITE, [words.place(file, line) for file, line in found.sites], wanted),
        key="site_shown",
        width=230,
        bound=False,
        shown=words.short_place,
        on_change=_choose_site,
    )


def _with(any_: str, found: list[str], wanted: str | None) -> list[str]:
    """What can be chosen: also what the address names, where this window has no call of it."""
    return [any_, *found, *([wanted] if wanted and wanted not in {any_, *found} else [])]


def _choose_site() -> None:
    site = str(st.session_state["site_shown"])
    st.query_params.pop("page", None)
    if site == _ANY_SITE:
        st.query_params.pop("site", None)
    else:
        st.query_params["site"] = site


def _choices() -> Choices:
    try:
        with reading.part() as reader:
            return reader.ask(questions.choices, chosen().window)
    except StoreError:  # the list below says what is wrong
        return Choices([], [])


def _forget_trace() -> None:
    del st.query_params["trace"]


def _list(reader: Reader, chosen: Chosen) -> None:
    asked = _asked()
    found = reader.ask(questions.count, chosen.window, asked)
    if found.n_calls == 0 and asked == Filter():
        words.no_calls(reader, chosen)
        return
    order, descending = _order()
    pages = max(1, -(-found.n_calls // SIZE))
    at = min(_page(), pages)
    listed = reader.ask(
        questions.page, chosen.window, asked, order=order, descending=descending, size=SIZE, skip=SIZE * (at - 1)
    )
    shown = _shown()
    sort = components.table(
        Table(
            caption="Calls",
            columns=[_COLUMNS[index] for index in shown],
            rows=[
                Row(links.here(call=one.span_id), [cells[index] for index in shown])
                for one in listed
                for cells in (_cells(one),)
            ],
            sort={"key": order, "descending": descending},
            opens="Open call",
            empty="No call passes these filters. Take one away, or widen the window.",
        ),
        key="calls",
    )
    _pager(at, pages, found)
    _files(chosen, asked, order, found, descending=descending)
    if sort:
        st.query_params["order"] = f"{'' if descending and sort == order else '-'}{sort}"
        st.query_params.pop("page", None)
        st.rerun(scope="fragment")


def _asked() -> Filter:
    """What the filters and the address narrow the list to."""
    state = st.session_state
    file, _, line = st.query_params.get("site", "").rpartition(":")
    model = state.get("model")
    slower, faster = _DURATIONS.get(str(state.get("duration")), (None, None))
    return Filter(
        model=None if model in {None, _ANY_MODEL} else str(model),
        file=file or None,
        line=int(line) if line.isdecimal() else None,
        trace=st.query_params.get("trace"),
        outcome=state.get("outcome"),
        slower_s=slower,
        faster_s=faster,
        text=str(state.get("find") or "").strip() or None,
    )


def _order() -> tuple[str, bool]:
    """The order in the address, as `-ttft`; the newest first where it names none."""
    asked = st.query_params.get("order", "-started")
    name = asked.removeprefix("-")
    return (name, asked.startswith("-")) if name in questions.ORDERS else ("started", True)


def _page() -> int:
    asked = st.query_params.get("page", "1")
    return max(1, int(asked)) if asked.isdecimal() and len(asked) < 9 else 1


def _pager(at: int, pages: int, found: questions.Count) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        first = SIZE * (at - 1) + 1 if found.n_calls else 0
        last = min(SIZE * at, found.n_calls)
        st.caption(
            f"{figures.count(first)}–{figures.count(last)} of {figures.count(found.n_calls)} calls, "
            f"{figures.count(found.n_errors)} failed, {figures.usd(found.cost_usd).replace('$', chr(92) + '$')}",
            width="content",
        )
        for label, icon, to, there in (
            ("Newer" if _order() == ("started", True) else "Back", ":material/chevron_left:", at - 1, at > 1),
            ("Older" if _order() == ("started", True) else "On", ":material/chevron_right:", at + 1, at < pages),
        ):
            st.button(label, icon=icon, on_click=_turn, args=(to,), disabled=not there)


def _files(chosen: Chosen, asked: Filter, order: str, found: questions.Count, *, descending: bool) -> None:
    """What is filtered, to take along; made when it is asked for."""
    told = "Every call that the filters leave."
    if found.n_calls > exporting.MOST:
        told = f"The first {figures.count(exporting.MOST)} of them."
    wanted = Wanted(chosen.window, asked, order, descending)
    quoted = f"{told} Text that a spreadsheet would take for a formula has a quote before it."
    components.files(
        "Take these calls along",
        [
            File("CSV", exporting.address(wanted, "calls.csv"), quoted),
            File("Parquet", exporting.address(wanted, "calls.parquet"), told),
        ],
        key="files",
    )


def _shown() -> list[int]:
    """The columns that are shown; the first always, because its cells open the call."""
    wanted: list[str] | None = st.session_state.get("columns")
    return [index for index, column in enumerate(_COLUMNS) if index == 0 or wanted is None or column.label in wanted]


def _turn(to: int) -> None:
    if to <= 1:
        st.query_params.pop("page", None)
    else:
        st.query_params["page"] = str(to)


def _cells(one: Listed) -> list[Cell]:
    cached = one.cache_read_tokens
    return [
        {"text": figures.moment(one.started), "mono": True},
        words.site_cell(one.file, one.line, one.function, one.service),
        words.model_cell(one.model),
        _outcome(one),
        figures.seconds(one.ttft_s),
        figures.seconds(one.duration_s),
        figures.rate(one.tokens_per_second),
        {"text": figures.tokens(one.input_tokens), "sub": f"{figures.tokens(cached)} cached" if cached else ""},
        figures.tokens(one.output_tokens),
        figures.usd(one.cost_usd),
    ]


def _outcome(one: Listed) -> Cell:
    if one.error_type is not None:
        status = f"{one.http_status} " if one.http_status else ""
        return {"text": f"{status}{one.error_type}", "tone": "bad", "badge": True}
    retried = f"{one.attempts} attempts" if one.attempts is not None and one.attempts > 1 else ""
    return {"text": one.stop_reason or "done", "tone": "soft", "sub": retried}
