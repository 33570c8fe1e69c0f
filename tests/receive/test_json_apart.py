"""A long OTLP JSON document is read span by span; what comes of it is what came of it as a whole."""

from __future__ import annotations

import json
from typing import Any, TypeAlias
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firsttoken_dashboard.receive import otlp_json
from firsttoken_dashboard.receive.decoded import Decoded, UndecodableError

Strategy: TypeAlias = st.SearchStrategy[Any]

#: Texts that look like what stands between two spans; in a document their quotes are escaped.
texts = st.text(max_size=8) | st.sampled_from(['},{"traceId":"', '"spans":[', '"}]},{"traceId":"aa"', "\\", '\\"'])
ids = st.integers(0, 2**128 - 1).map("{:032x}".format) | texts
links: Strategy = st.lists(st.fixed_dictionaries({"traceId": ids, "spanId": texts}), max_size=3)
value: Strategy = st.fixed_dictionaries({"stringValue": texts})
pairs: Strategy = st.lists(st.fixed_dictionaries({"key": texts, "value": value}), max_size=3)
#: The order is that of a collector: the trace's id comes first.
spans: Strategy = st.fixed_dictionaries(
    {"traceId": ids, "spanId": st.integers(0, 2**64 - 1).map("{:016x}".format) | texts, "name": texts},
    optional={"links": links, "attributes": pairs, "spans": st.just([1, 2]), "unknown": links},
)
junk: Strategy = st.sampled_from([-1, 0, 1, 2, 3, None, True, 0.5, "},{", {}, {"spanId": "1", "traceId": "2"}])
scopes: Strategy = st.fixed_dictionaries(
    {"scope": st.just({"name": "ai"}), "spans": st.lists(spans | junk, max_size=9)}
)
resources: Strategy = st.fixed_dictionaries(
    {"resource": st.fixed_dictionaries({"attributes": pairs}), "scopeSpans": st.lists(scopes, max_size=3)}
)
documents: Strategy = st.fixed_dictionaries({"resourceSpans": st.lists(resources, max_size=3)})


def outcome(body: bytes) -> tuple[list[str], dict[str, int]] | str:
    decoded = Decoded()
    try:
        otlp_json.decode(body, decoded)
    except UndecodableError:
        assert len(decoded.spans) == 0
        return "undecodable"
    return decoded.spans.lines, dict(decoded.refused)


def as_a_whole(body: bytes) -> tuple[list[str], dict[str, int]] | str:
    with mock.patch.object(otlp_json, "_FEW", 10**9):
        return outcome(body)


@settings(deadline=None)
@given(document=documents)
def test_what_is_read_span_by_span_is_what_is_read_as_a_whole(document: dict[str, Any]) -> None:
    body = json.dumps(document, separators=(",", ":")).encode()
    assert outcome(body) == as_a_whole(body)


@settings(deadline=None)
@given(document=documents, cut=st.floats(0, 1), other=st.binary(max_size=3))
def test_so_is_a_document_that_is_cut_off_or_broken(document: dict[str, Any], cut: float, other: bytes) -> None:
    body = json.dumps(document, separators=(",", ":")).encode()
    place = int(cut * len(body))
    for broken in (body[:place], body[:place] + other + body[place + 1 :]):
        assert outcome(broken) == as_a_whole(broken)


@pytest.mark.parametrize("spans_with_links", [0, 1, 20])
def test_a_long_document_is_taken_apart_unless_its_spans_have_several_links(spans_with_links: int) -> None:
    """The whole of it is in memory only where it has to be."""
    link = {"traceId": "a" * 32, "spanId": "b" * 16}
    made = [
        {"traceId": f"{n:032x}", "spanId": f"{n:016x}", "name": "chat", "links": [link] * (n <= spans_with_links) * 2}
        for n in range(1, 21)
    ]
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": made}]}]}, separators=(",", ":")).encode()
    with mock.patch.object(otlp_json, "loads", wraps=otlp_json.loads) as reading:
        decoded = Decoded()
        otlp_json.decode(body, decoded)
    assert len(decoded.spans) == 20
    longest = max(len(call.args[0]) for call in reading.mock_calls if call.args)
    assert (longest < len(body) / 3) == (spans_with_links == 0)
