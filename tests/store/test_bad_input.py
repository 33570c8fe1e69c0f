"""Whatever a span holds, it is stored or refused by itself; its neighbours are stored in any case."""

from __future__ import annotations

import itertools
import json
from collections.abc import Generator
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firsttoken import store as stores
from firsttoken.store import SpanBatch, Store, batch, maintenance, outbox, retention, transfer
from tests.store.spans import START, call, span

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=20)
values: st.SearchStrategy[Any] = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=20
)
surrogates = st.text(st.characters(codec=None), max_size=10)
KNOWN = [
    "gen_ai.operation.name",
    "gen_ai.request.model",
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.raw",
    "gen_ai.response.id",
    "gen_ai.response.finish_reasons",
    "gen_ai.response.time_to_first_chunk",
    "firsttoken.prompt.blocks",
    "firsttoken.depends_on",
    "firsttoken.connection.new",
    "firsttoken.server_tool_counts",
    "llm.invocation_parameters",
    "output.value",
    "duration",
    "process.pid",
]
attributes = st.dictionaries(st.sampled_from(KNOWN) | surrogates, values | surrogates, max_size=12)
times = st.integers(-(2**70), 2**70) | st.sampled_from([0, START, 2**63 - 1, 2**64 - 1])
odd_spans: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "name": surrogates,
        "kind": st.sampled_from(["CLIENT", "INTERNAL"]) | st.text(max_size=5),
        "start_time": times,
        "end_time": times,
        "status_code": st.sampled_from(["ERROR", "OK", "UNSET", "?"]),
        "status_message": st.none() | surrogates,
        "scope_name": st.none() | surrogates | st.sampled_from(["firsttoken", "logfire.x", "ai", "openlit"]),
        "scope_version": st.none() | surrogates,
        "resource": attributes,
        "attributes": attributes,
        "events": st.lists(
            st.fixed_dictionaries({"name": surrogates, "time": times, "attributes": attributes}), max_size=2
        ),
        "links": st.lists(st.dictionaries(st.sampled_from(["trace_id", "span_id"]), surrogates), max_size=2),
    }
)


#: Numbers for batches of ten; not counted from what is stored, or one loss would make all that follow fail.
FIRST_NUMBERS = itertools.count(1, 10)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Generator[Store]:
    """A store that keeps what is dated 1970, also on a machine so busy that its retention comes due meanwhile."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(retention.DAYS_VARIABLE, "inf")
        store = stores.open(tmp_path_factory.mktemp("odd") / "store.duckdb")
        store.append([call(0)])
        yield store


def stored(store: Store, numbers: range) -> int:
    with store.read() as connection:
        row = connection.execute(
            "SELECT count(*) FROM spans WHERE span_id BETWEEN ? AND ?",
            [f"{numbers.start:016x}", f"{numbers.stop - 1:016x}"],
        ).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize("encoder", ["orjson", "json"])
@pytest.mark.parametrize("keep_content", [False, True])
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_span_is_stored(
    shared: Store,
    monkeypatch: pytest.MonkeyPatch,
    data: st.DataObject,
    keep_content: bool,  # noqa: FBT001 - a parameter of the test
    encoder: str,
) -> None:
    """Ten odd spans a batch: surrogates, NaN, huge numbers, years 0 and 2500, attributes of any shape."""
    if encoder == "json":
        monkeypatch.setattr(batch, "orjson", None)
    odd = data.draw(st.lists(odd_spans, min_size=1, max_size=10))
    first = next(FIRST_NUMBERS)
    filled = SpanBatch(keep_content=keep_content)
    for number, one in enumerate(odd, start=first):
        filled.add(trace_id=f"{number:032x}", span_id=f"{number:016x}", parent_span_id=None, **one)
    shared.append_batch(filled)
    assert stored(shared, range(first, first + len(odd))) == len(odd)


def test_text_where_json_is_expected_tells_nothing(store: Store) -> None:
    """DuckDB 1.4.0 fails at some such texts that it should call no JSON."""
    names = ["gen_ai.usage.raw", "llm.invocation_parameters", "output.value", "request_data"]
    texts = ["𢨟+", "日", "b'\\x10\\\\'", "{", "null", "[1]", '"x"', "1e999"]
    odd = [{name: text} for name in [*names, "firsttoken.server_tool_counts"] for text in texts]
    filled = SpanBatch(keep_content=True)
    for number, one in enumerate([{"gen_ai.usage.input_tokens": 5}, *odd]):
        filled.add_record(call(number, one))
    store.append_batch(filled)
    with store.read() as connection:
        rows = connection.execute("SELECT input_tokens, max_tokens, cache_read_tokens FROM calls ORDER BY span_id")
        assert rows.fetchall() == [(5, None, None)] + [(None, None, None)] * len(odd)


def test_times_outside_of_what_the_store_can_hold_are_moved_to_its_ends(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRSTTOKEN_RETENTION_DAYS", "100000")
    early, late = call(1, start=-5), call(2, start=2**63)
    store.append([early, late, call(3, seconds=-5)])
    with store.read() as connection:
        rows = connection.execute("SELECT year(start_time), duration_s FROM calls ORDER BY span_id").fetchall()
    assert rows == [(1970, 0.999999995), (2262, 0.0), (2026, 0.0)]


def test_text_that_is_no_json_is_an_empty_object(store: Store) -> None:
    store.append([call(1)._replace(attributes="{", resource="null", events="{}", links="[1]"), call(2)])
    with store.read() as connection:
        rows = connection.execute(
            "SELECT attributes::VARCHAR, events::VARCHAR, links::VARCHAR, service_name FROM spans ORDER BY span_id"
        ).fetchall()
    assert rows[0] == ("{}", "[]", "[]", "shop")
    assert len(rows) == 2


def test_a_span_with_half_a_million_attributes_and_a_text_of_a_megabyte(store: Store) -> None:
    many: dict[str, Any] = {f"gen_ai.invented.{n}": n for n in range(500_000)}
    store.append(
        [
            call(1, many),
            call(2, {"gen_ai.request.model": "x" * 2**20}),
            span(3, {"deep": json.loads("[" * 400 + "]" * 400)}),
        ]
    )
    with store.read() as connection:
        rows = connection.execute("SELECT span_id, length(attributes) < 300 FROM spans ORDER BY span_id").fetchall()
    assert [small for _, small in rows] == [True] * 3


def test_a_column_of_numbers_that_says_something_else_is_unknown(store: Store) -> None:
    wrong = {
        "gen_ai.usage.input_tokens": "many",
        "gen_ai.usage.output_tokens": 10**30,
        "gen_ai.response.time_to_first_chunk": "soon",
        "gen_ai.request.stream": "perhaps",
        "firsttoken.prompt.blocks": "one",
    }
    store.append([call(1, wrong), call(2, {"gen_ai.usage.input_tokens": "12"})])
    with store.read() as connection:
        rows = connection.execute(
            "SELECT input_tokens, output_tokens, ttft_s, stream, prompt_blocks FROM calls ORDER BY span_id"
        ).fetchall()
    assert rows == [(None, None, None, False, None), (12, None, None, False, None)]


def test_texts_and_unknowns_go_over_as_they_are(store: Store) -> None:
    store.append([call(n, name="'ä\u2028\"" * n, parent=None if n % 3 else n) for n in range(1, 20)])
    with store.read() as connection:
        rows = connection.execute("SELECT parent_span_id IS NULL, name FROM spans ORDER BY span_id").fetchall()
    assert rows == [(n % 3 != 0, "'ä\u2028\"" * n) for n in range(1, 20)]


def test_a_span_that_the_store_refuses_costs_no_neighbour_anything(store: Store) -> None:
    """What is refused lies beside the store, and is counted."""
    filled = SpanBatch()
    for number in range(1, 101):
        filled.add_record(call(number))
    for place in (17, 60):
        filled.lines[place] = filled.lines[place].replace('"trace_id"', '"no_id"')
    store.append_batch(filled)
    state = maintenance.info(store)
    assert (state.spans, state.drops) == (98, (("refused by the store", 2),))
    (refused,) = outbox.directory(store.path).glob("*.refused")
    assert refused.read_text().splitlines() == [filled.lines[17], filled.lines[60]]


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Texts in names of spans at which DuckDB fails itself. No input is known that makes every version do so.

    So its own exception is raised where its SQL is run, and the connection is as lost as DuckDB would leave it.
    """
    marks: list[str] = []
    real = transfer.store

    def store(connection: duckdb.DuckDBPyConnection) -> int:
        for mark in marks:
            if connection.execute(f"SELECT 1 FROM derive_from WHERE contains(name, '{mark}') LIMIT 1").fetchone():
                connection.close()
                raise duckdb.InternalException("INTERNAL Error: Attempted to access index 5 within vector of size 5")
        return real(connection)

    monkeypatch.setattr(transfer, "store", store)
    return marks


def test_a_span_at_which_duckdb_itself_fails_costs_no_neighbour_anything(store: Store, failing: list[str]) -> None:
    """Neither those of its segment nor other segments, which it would block for as long as it lies there."""
    failing.append("cursed")
    store.append([call(1)])
    for first in (2, 52):
        filled = SpanBatch()
        for number in range(first, first + 50):
            filled.add_record(call(number, name="cursed" if number == 70 else "chat"))
        outbox.spill(store.path, filled)
    store.append([call(102)])
    state = maintenance.info(store)
    assert (state.spans, state.calls, state.outbox_segments) == (101, 101, 0)
    assert state.drops == (("refused by the store", 1),)
    (refused,) = outbox.directory(store.path).glob("*.refused")
    assert f'"span_id":"{70:016x}"' in refused.read_text()
    store.append([call(103)])
    assert maintenance.info(store).spans == 102


def test_where_duckdb_fails_at_every_span_what_waits_is_not_to_blame(store: Store, failing: list[str]) -> None:
    """It is the file, then; nothing is set aside, and all goes in once it is whole."""
    store.append([call(1)])
    failing.append("")
    store.append([call(2), call(3)])
    assert [segment.spans for segment in outbox.segments(store.path)] == [2]
    failing.clear()
    state = maintenance.info(store)
    assert (state.spans, state.drops, state.outbox_segments) == (3, (), 0)
    assert not list(outbox.directory(store.path).glob("*.refused"))


def test_counts_of_tokens_that_no_column_holds_cost_one_call(store: Store) -> None:
    """Their sum is beyond 64 bits."""
    huge = {"gen_ai.usage.input_tokens": 1, "gen_ai.usage.cache_read.input_tokens": 2**63 - 1}
    store.append([call(1), call(2, huge | {"gen_ai.usage.cache_write.input_tokens": 2**63 - 1}), call(3)])
    with store.read() as connection:
        found = connection.execute("SELECT span_id FROM calls ORDER BY span_id").fetchall()
    assert {f"{1:016x}", f"{3:016x}"} <= {text for (text,) in found}
