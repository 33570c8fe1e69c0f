"""Whatever stands under the names that `facts.sql` reads, its span has a row, and its neighbours have theirs.

    FIRSTTOKEN_FUZZ=2000 pytest tests/store/test_odd_attributes.py

tries more: so many batches of spans.
"""

from __future__ import annotations

import math
import os
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from firsttoken import store as stores
from firsttoken.store import SpanBatch, Store
from firsttoken.store.schema import sql
from tests.store.dialects.recorded import DIALECTS, recorded
from tests.store.spans import SECOND, START

EXAMPLES = int(os.environ.get("FIRSTTOKEN_FUZZ", "10"))

#: Every name that the SQL reads, from its own text.
NAMES = sorted(set(re.findall(r'"([a-zA-Z0-9_.]+)": (?:"[A-Z]+"|\[)', sql("facts.sql"))))
SCOPES = sorted({span["scope_name"] for name in DIALECTS for span in recorded(name)})

LARGE = "x" * 2**20
numbers = (
    st.integers(-(2**70), 2**70)
    | st.sampled_from([0, -1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63), 2**64 - 1, 1e308, -0.0])
    | st.floats()
)
ODD_TEXTS = [
    *("", "NaN", "nan", "inf", "-Infinity", "1e999", "9223372036854775807", "-5", "0x10", "1_000", "12.5", "true"),
    *("null", "{}", "[]", '"', "{", '{"$.stream": 1}', '["a"]', "\ud800", "\0", LARGE),
    *('{"usage": {"cache_read_input_tokens": 9223372036854775807}}', "chat", "LLM", "ai.streamText.doStream", "msg_1"),
]
texts = st.text(max_size=20) | st.sampled_from(ODD_TEXTS)
scalars = st.none() | st.booleans() | numbers | texts | st.binary(max_size=8)
values: st.SearchStrategy[Any] = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=8
)
attributes = st.dictionaries(st.sampled_from(NAMES), scalars | values, max_size=10)
times = st.sampled_from([-62135596800 * SECOND, -1, 0, START, 7258118400 * SECOND, 2**63 - 1, 2**64]) | st.integers(
    START, START + 10 * SECOND
)
events = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.sampled_from(["firsttoken.attempt", "exception", "gen_ai.choice"]),
            "time": times,
            "attributes": st.dictionaries(st.sampled_from(["exception.type", "duration", "error.type"]), values),
        }
    ),
    max_size=2,
)
odd = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["chat claude", "anthropic.chat", "count_tokens", ""]),
        "kind": st.sampled_from(["CLIENT", "INTERNAL", "SERVER"]),
        "start_time": times,
        "end_time": times,
        "status_code": st.sampled_from(["ERROR", "UNSET"]),
        "status_message": st.none() | texts,
        "scope_name": st.none() | st.sampled_from(SCOPES),
        "scope_version": st.none(),
        "resource": attributes,
        "attributes": attributes,
        "events": events,
    }
)

#: What a neighbour is, and what must come of it.
GOOD = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "anthropic",
    "gen_ai.request.model": "claude-haiku-4-5",
    "gen_ai.usage.input_tokens": 1112,
    "gen_ai.usage.cache_read.input_tokens": 1000,
    "gen_ai.usage.cache_write.input_tokens": 100,
    "gen_ai.usage.output_tokens": 7,
    "gen_ai.request.stream": True,
    "gen_ai.response.time_to_first_chunk": 0.25,
}
EXPECTED = ("firsttoken", "claude-haiku-4-5", 1112, 12, 1000, 100, 7, True, 0.25, 1.0, None)
WORDS = """dialect, request_model, input_tokens, uncached_input_tokens, cache_read_tokens, cache_write_tokens,
    output_tokens, stream, ttft_s, duration_s, error_type"""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return stores.open(tmp_path_factory.mktemp("odd") / "store.duckdb")


def test_the_names_are_those_of_the_query() -> None:
    assert len(NAMES) > 120
    assert {"gen_ai.usage.input_tokens", "firsttoken.prompt.blocks", "service.instance.id"} <= set(NAMES)


@pytest.mark.parametrize("keep_content", [False, True])
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.generate],  # a store a try: to make a failure smaller would take many minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(spans=st.lists(odd, min_size=1, max_size=10), is_chat=st.lists(st.booleans(), min_size=10, max_size=10))
def test_odd_attributes_make_a_tolerant_row_and_cost_no_neighbour(
    shared: Store,
    monkeypatch: pytest.MonkeyPatch,
    spans: list[dict[str, Any]],
    is_chat: list[bool],
    keep_content: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """Strings for numbers, NaN, a megabyte, huge and negative counts, lists in lists; years 1, 2200 and beyond."""
    monkeypatch.setenv("FIRSTTOKEN_RETENTION_DAYS", "1000000")
    with shared.write() as connection:
        connection.execute("DELETE FROM spans; DELETE FROM calls")
    batch = SpanBatch(keep_content=keep_content)
    for number, (span, chat) in enumerate(zip(spans, is_chat, strict=False), start=1):
        told = span["attributes"] | ({"gen_ai.operation.name": "chat"} if chat else {})
        told.pop("gen_ai.response.id", None)  # which would rightly make two of them one
        batch.add(**{**span, "attributes": told}, **ids(number))
        batch.add(**neighbour(), **ids(1000 + number))
    shared.append_batch(batch)
    with shared.read() as connection:
        stored = connection.execute("SELECT count(*) FROM spans").fetchone()
        good = connection.execute(f"SELECT {WORDS} FROM calls WHERE span_id >= '{1000:016x}'").fetchall()
        columns = [column[0] for column in connection.execute("FROM calls LIMIT 0").description]
        rows = [
            dict(zip(columns, row, strict=True))
            for row in connection.execute(f"FROM calls WHERE span_id < '{1000:016x}'").fetchall()
        ]
    assert stored == (2 * len(spans),)
    assert good == [EXPECTED] * len(spans)
    for row in rows:
        assert_sane(row)


def ids(number: int) -> dict[str, Any]:
    return {"trace_id": f"{number:032x}", "span_id": f"{number:016x}", "parent_span_id": None}


def neighbour() -> dict[str, Any]:
    return {
        "name": "chat",
        "kind": "CLIENT",
        "start_time": START,
        "end_time": START + SECOND,
        "status_code": "UNSET",
        "status_message": None,
        "scope_name": "firsttoken",
        "scope_version": None,
        "resource": {},
        "attributes": GOOD,
    }


def assert_sane(row: dict[str, Any]) -> None:
    """Nothing in the row poisons a sum or an average: unknown is NULL, not negative, NaN or beyond belief."""
    assert row["duration_s"] >= 0
    for name, value in row.items():
        if isinstance(value, float):
            assert math.isfinite(value), name
            assert value >= 0, name
        elif isinstance(value, int) and not isinstance(value, bool):
            assert 0 <= value <= 10**12, name
