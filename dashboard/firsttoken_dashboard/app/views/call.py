"""One call: its life on a clock, its tokens and their price part by part, its prompt's prefix, its trace."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

import streamlit as st

from firsttoken.store import StoreError
from firsttoken_dashboard.analysis import calls as questions
from firsttoken_dashboard.analysis.calls import Before, TraceSpan
from firsttoken_dashboard.app import components, courses, figures, links, reading
from firsttoken_dashboard.app.components import Column, Lane, Row, Table
from firsttoken_dashboard.app.filters import chosen
from firsttoken_dashboard.app.theme import PARTS, model_color
from firsttoken_dashboard.app.views import words

_FACTS: Final = (
    ("Service", "service_name"),
    ("Version", "service_version"),
    ("Stop reason", "stop_reason"),
    ("Effort", "effort"),
    ("Max tokens", "max_tokens"),
    ("Tools offered", "tool_count"),
    ("Timeout", "timeout_s"),
    ("Retries allowed", "max_retries"),
    ("Client's call number", "client_calls"),
    ("Making the client took", "client_construction_s"),
    ("New connection", "connection_new"),
    ("Chunks", "chunk_count"),
    ("Gap between chunks p95", "chunk_gap_p95_s"),
    ("Longest gap", "chunk_gap_max_s"),
    ("Held by the application", "consumer_s"),
    ("Service tier", "service_tier"),
    ("Request id", "request_id"),
    ("Recorded by", "dialect"),
)


def draw(span: str) -> None:
    """Draw the call of that span id, and the way back to the list."""
    st.button("All calls", icon=":material/arrow_back:", on_click=_close, type="tertiary")
    try:
        with reading.part() as reader:
            found = reader.ask(questions.call, span)
            if found is None:
                st.warning(
                    "The store has no such call: it may have been pruned, or the address cut.",
                    icon=":material/search_off:",
                )
                return
            before = reader.ask(
                questions.before,
                found["start_time"],
                found["service_name"],
                found["code_file"],
                found["code_line"],
                found["response_model"] or found["request_model"],
            )
            spans = reader.ask(questions.trace, str(found["trace_id"]), found["start_time"])
    except StoreError as error:
        st.error(links.plain(str(error)), icon=":material/database_off:")
        return
    _title(found)
    _life(found)
    left, right = st.columns(2, gap="medium")
    with left:
        _price(found)
    with right:
        _prompt(found, before)
    st.subheader("What else is known", anchor=False)
    components.facts([(name, _told(key, found.get(key))) for name, key in _FACTS], key="facts")
    _trace(spans, str(found["span_id"]))


def _close() -> None:
    st.query_params.pop("call", None)


def _title(found: Mapping[str, Any]) -> None:
    failed = found["error_type"]
    where = found["code_file"]
    st.subheader(links.plain(words.model(found["response_model"] or found["request_model"])), anchor=False)
    place = f"{where}:{found['code_line']} in {found['code_function']}" if where else "no source line known"
    st.text(f"{place}\n{figures.moment(found['start_time'])} UTC")
    if failed:
        status = f"HTTP {found['http_status']}, " if found["http_status"] else ""
        st.error(f"Failed: {status}{links.plain(str(failed))}", icon=":material/error:")
    components.ways("From this call", list(_ways(found)), key="ways")


def _ways(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if (file := found["code_file"]) is not None:
        site = words.place(file, found["code_line"])
        yield "What to change here", links.address("recommendations", chosen(), site=site)
        yield "Calls of this site", links.address("calls", chosen(), site=site)
    yield "Calls of this trace", links.address("calls", chosen(), trace=str(found["trace_id"]))


def _life(found: Mapping[str, Any]) -> None:
    """The parts of the call's life, one lane each, on one clock from the request to the end."""
    total = found["duration_s"]
    st.subheader("Its life", anchor=False)
    if not total or total <= 0:
        st.caption("No duration was recorded.")
        return
    components.timeline("The call's life", lanes(found, total), courses.ticks_of_seconds(total), key="life")
    if found["ttft_s"] is None and not found["error_type"]:
        st.caption("Not streamed: nothing could be shown before the end, and when the first token came is not known.")
    elif found["ttft_definition"] == "first_event":
        st.caption("The instrumentation that recorded this call times the first event, not the first content.")


def lanes(found: Mapping[str, Any], total: float) -> list[Lane]:
    """The lanes of a call of `total` seconds; what was not recorded has none."""
    drawn: list[Lane] = []

    def lane(name: str, start: float, end: float | None, part: str, title: str) -> float:
        if end is None or end < start:
            return start
        drawn.append(
            Lane(
                name, figures.seconds(end - start), [(start / total, min(end, total) / total, PARTS[part])], title=title
            )
        )
        return end

    at = 0.0
    for number, attempt in enumerate(_attempts(found), start=1):
        took, told = attempt
        at = lane(f"Attempt {number}: {told}", at, at + took if took is not None else None, "failed", "Did not succeed")
    waited = found["retry_wait_s"]
    if waited:
        at = lane("Backoff", at, at + waited, "retries", "Slept between attempts, all of it")
    if found["connection_s"]:
        at = lane("Connection", at, at + found["connection_s"], "connection", "Opening TCP and TLS")
    headers = found["time_to_headers_s"]
    at = lane("Until headers", at, headers, "headers", "From there to the response's headers")
    first = found["ttft_s"]
    at = lane("Until first token", at, first, "first", words.TTFT)
    text = found["time_to_first_text_s"]
    if first is not None and text is not None and text > first + 0.001:
        at = lane("Until first text", at, text, "thinking", "Thinking, before anything visible")
    if not found["error_type"]:
        streamed = "Streaming" if first is not None else "Body"
        lane(streamed, at, total, "stream", "From there to the end of the answer")
    held = found["consumer_s"]
    if held:
        drawn.append(
            Lane(
                "Held by application",
                figures.seconds(held),
                [(max(0.0, 1 - held / total), 1, PARTS["consumer"])],
                title="Time between asking for two events, all of it; where in the stream is not recorded",
            )
        )
    moments = [found[name] / total for name in ("ttft_s",) if found[name] is not None]
    drawn.insert(
        0,
        Lane(
            "Whole call",
            figures.seconds(total),
            [(0, 1, PARTS["connection"])],
            moments,
            "The mark is the first token",
            here=True,
        ),
    )
    return drawn


def _attempts(found: Mapping[str, Any]) -> list[tuple[float | None, str]]:
    """Seconds and outcome of each attempt that did not succeed."""
    if not found["attempt_events"]:
        return []
    events = cast("list[dict[str, Any]]", json.loads(found["attempt_events"]))
    told: list[tuple[float | None, str]] = []
    for event in events:
        attributes = cast("dict[str, Any]", event.get("attributes") or {})
        outcome = attributes.get("http.response.status_code") or attributes.get("error.type") or "failed"
        took = attributes.get("duration")
        told.append((float(took) if isinstance(took, int | float) else None, str(outcome)))
    return told


def _price(found: Mapping[str, Any]) -> None:
    st.subheader("Tokens and price", anchor=False)
    parts = (
        ("Input, not cached", found["uncached_input_tokens"], found["uncached_cost_usd"]),
        ("Cache read", found["cache_read_tokens"], found["cache_read_cost_usd"]),
        ("Cache written", found["cache_write_tokens"], found["cache_write_cost_usd"]),
        ("Output", found["output_tokens"], found["output_cost_usd"]),
        ("of it thinking", found["thinking_tokens"], None),
        ("All", None, found["cost_usd"]),
    )
    whole = found["cost_usd"]
    components.table(
        Table(
            caption="Tokens and price",
            columns=[
                Column("part", "Part"),
                Column("tokens", "Tokens", end=True),
                Column("usd", "Cost", end=True),
                Column("share", ""),
            ],
            rows=[
                Row(
                    None,
                    [
                        {"text": name, "tone": "soft" if name == "of it thinking" else ""},
                        figures.count(tokens) if name != "All" else "",
                        figures.usd(usd) if name != "of it thinking" else "",
                        {"text": "", "share": usd / whole if usd and whole and name != "All" else None},
                    ],
                )
                for name, tokens, usd in parts
            ],
        ),
        key="price",
    )
    if whole is None:
        st.caption("No price: the model is not in the price list, or a count was not reported.")


def _prompt(found: Mapping[str, Any], before: Before | None) -> None:
    st.subheader("Prompt prefix", anchor=False)
    blocks = cast("list[str] | None", found["prompt_blocks"])
    if not blocks:
        st.caption("The prompt's blocks were not recorded, so nobody can say what the cache could share.")
        return
    shared = 0
    if before is not None:
        while shared < min(len(blocks), len(before.prompt_blocks)) and _same(
            blocks[shared], before.prompt_blocks[shared]
        ):
            shared += 1
    rows: list[Row] = []
    for number, block in enumerate(blocks):
        section, hashed, chars, mark = (*block.rsplit(":", 3), "", "", "")[:4]
        rows.append(
            Row(
                None,
                [
                    section,
                    {"text": hashed[:8], "mono": True, "tone": "soft"},
                    figures.count(int(chars)) if chars.isdecimal() else figures.UNKNOWN,
                    {"text": mark, "badge": True} if mark not in {"", "-"} else "",
                    {"text": "same", "tone": "good"}
                    if number < shared
                    else {"text": "differs", "tone": "bad"}
                    if before and number == shared
                    else "",
                ],
            )
        )
    components.table(
        Table(
            caption="Prompt prefix",
            columns=[
                Column("section", "Block"),
                Column("hash", "Hash"),
                Column("chars", "Characters", end=True),
                Column("mark", "Cache mark"),
                Column("same", "Against the call before"),
            ],
            rows=rows[:40],
        ),
        key="prompt",
    )
    if before is None:
        st.caption("The first call of this site and model: there is none to share a prefix with.")
    else:
        st.caption(f"The call before it at this site started at {figures.moment(before.started)}.")


def _same(one: str, other: str) -> bool:
    """Whether two blocks are the same to the cache: their marks do not matter."""
    return one.rsplit(":", 1)[0] == other.rsplit(":", 1)[0]


def _trace(spans: list[TraceSpan], here: str) -> None:
    if len(spans) < 2:
        return
    st.subheader("Its trace", anchor=False)
    total = max(span.end_s for span in spans) or 1e-9
    depth: dict[str, int] = {}
    lanes_: list[Lane] = []
    for span in spans:
        depth[span.span_id] = depth.get(span.parent_span_id or "", -1) + 1
        color = PARTS["failed"] if span.failed else model_color(span.model) if span.model else PARTS["connection"]
        lanes_.append(
            Lane(
                span.name,
                figures.seconds(span.end_s - span.start_s),
                [(span.start_s / total, span.end_s / total, color)],
                title=" · ".join(part for part in (span.service, span.kind, span.model) if part),
                depth=depth[span.span_id],
                here=span.span_id == here,
            )
        )
    components.timeline("The trace", lanes_, courses.ticks_of_seconds(total), key="trace")


def _told(key: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return figures.seconds(value) if key.endswith("_s") else figures.count(value)
    return figures.UNKNOWN if value is None else str(value)
