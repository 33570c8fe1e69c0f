"""What a call's span says is worked out when somebody first looks, whoever looks and however."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any, cast

import anthropic
import pytest
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.trace import SpanKind

from firsttoken import AnthropicInstrumentor, late, spans
from firsttoken import attributes as a
from firsttoken_dashboard.demo.api import LookAlike
from tests.instrumentation.recording import CallSpan, Recording
from tests.instrumentation.request import request

LOOKS: dict[str, Callable[[ReadableSpan], Any]] = {
    "one value": lambda span: cast("Any", span.attributes)["ours"],
    "all names": lambda span: list(cast("Any", span.attributes)),
    "how many": lambda span: len(cast("Any", span.attributes)),
    "a copy": lambda span: cast("Any", span)._attributes.copy(),
    "its insides": lambda span: cast("Any", span)._attributes._dict["ours"],
    "JSON": lambda span: span.to_json(),
    "in words": lambda span: repr(cast("Any", span)._attributes),
}


class Ended(SpanProcessor):
    """Keeps what ends, and does not look at it."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.spans.append(span)


class Work:
    """Attributes of ours, and how often they were asked for."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> dict[str, Any]:
        self.times += 1
        return {"ours": 1, "theirs": "not this", "first": 0.5}


@pytest.fixture
def ended() -> Ended:
    return Ended()


def span_of(ended: Ended, **limits: Any) -> Span:
    provider = TracerProvider(span_limits=SpanLimits(**limits))
    provider.add_span_processor(ended)
    attributes = {"theirs": "kept", "first": 0.9}
    return cast("Span", provider.get_tracer("test").start_span("call", kind=SpanKind.CLIENT, attributes=attributes))


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_whoever_looks_in_whatever_way_finds_all_and_nobody_is_told_twice(
    look: Callable[[ReadableSpan], Any], ended: Ended
) -> None:
    span, work = span_of(ended), Work()
    assert late.add_later(span, work, replacing="first")
    span.end()
    assert work.times == 0
    seen = look(ended.spans[0])
    assert seen in (1, 3) or "ours" in seen
    assert dict(ended.spans[0].attributes or {}) == {"theirs": "kept", "first": 0.5, "ours": 1}
    assert work.times == 1
    assert type(cast("Any", span)._attributes) is BoundedAttributes


def test_what_a_processor_sets_as_the_span_ends_stands_beside_it(ended: Ended) -> None:
    span = span_of(ended)
    late.add_later(span, Work(), replacing="first")
    span.set_attribute("theirs", "changed")
    span.end()
    assert dict(ended.spans[0].attributes or {}) == {"theirs": "changed", "first": 0.5, "ours": 1}


def test_two_threads_that_look_at_once_both_find_all(ended: Ended) -> None:
    working, go_on = threading.Event(), threading.Event()

    def slow() -> dict[str, Any]:
        working.set()
        go_on.wait(5)
        return {"ours": 1}

    span, found = span_of(ended), list[dict[str, Any]]()
    late.add_later(span, slow, replacing="first")
    threads = [threading.Thread(target=lambda: found.append(dict(span.attributes or {}))) for _ in range(2)]
    threads[0].start()
    assert working.wait(5)
    threads[1].start()
    go_on.set()
    for thread in threads:
        thread.join()
    assert [each["ours"] for each in found] == [1, 1]


@pytest.mark.parametrize("limits", [{"max_span_attributes": 20}, {"max_span_attribute_length": 6}], ids=str)
def test_limited_spans_take_the_long_way_and_keep_their_limits(limits: dict[str, int], ended: Ended) -> None:
    span, work = span_of(ended, **limits), Work()
    assert late.add_later(span, work, replacing="first") is False
    spans.add_to(span, {**work(), "long": "abcdef"}, replacing="first")
    span.end()
    assert dict(ended.spans[0].attributes or {}) == {
        "theirs": "kept",
        "first": 0.5,
        "ours": 1,
        "long": "abcdef",
    }


@pytest.fixture
def limited(ended: Ended) -> Iterator[Any]:
    """Instrumented into a provider whose spans take no attribute unseen, because its length is limited."""
    provider = TracerProvider(span_limits=SpanLimits(max_span_attribute_length=5000))
    provider.add_span_processor(ended)
    AnthropicInstrumentor().instrument(tracer_provider=provider)
    yield provider
    AnthropicInstrumentor().uninstrument()


def test_an_opentelemetry_that_keeps_attributes_elsewhere_gets_them_the_long_way(ended: Ended) -> None:
    span = span_of(ended)
    kept = cast("Any", span)._attributes.__dict__
    kept["_elsewhere"] = kept.pop("_dict")

    assert late.add_later(span, Work(), "theirs") is False
    assert type(cast("Any", span)._attributes) is BoundedAttributes


def test_a_call_on_a_limited_span_says_all_the_same(claude_api: LookAlike, limited: Any, ended: Ended) -> None:
    assert limited is not None
    with anthropic.Anthropic(base_url=claude_api.url, api_key="test", max_retries=0) as client:
        client.messages.create(**request(output_tokens=9))
    call = CallSpan(next(span for span in ended.spans if span.kind is SpanKind.CLIENT))
    assert call[a.OUTPUT_TOKENS] == 9
    assert call[a.REQUEST_MAX_RETRIES] == 0
    assert call[a.CODE_FILE] == __file__


def test_an_answer_that_the_application_changes_is_told_as_it_came(claude_api: LookAlike, recorded: Recording) -> None:
    with anthropic.Anthropic(base_url=claude_api.url, api_key="test", max_retries=0) as client:
        message = cast("Any", client).messages.create(**request(output_tokens=9))
    message.content.clear()
    message.usage.output_tokens = 7
    call = recorded.call()
    assert call[a.OUTPUT_TOKENS] == 9
    assert call[a.RESPONSE_BLOCKS] == ("text:1",)
