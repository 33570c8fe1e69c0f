"""Switched off, taken out, or put beside something else, the instrumentation does what was asked and no more."""

from __future__ import annotations

import threading
from typing import Any, Literal, cast

import anthropic
import pytest
import wrapt
from opentelemetry import trace
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from firsttoken import AnthropicInstrumentor
from firsttoken import attributes as a
from firsttoken_dashboard.demo.api import LookAlike
from tests.instrumentation.recording import CallSpan, Recording
from tests.instrumentation.request import request
from tests.instrumentation.ways import named

#: Whether this version of the SDK traces itself (1.14 and later).
TRACES_ITSELF = hasattr(anthropic.Anthropic, "_tracer")
ours_only = pytest.mark.skipif(TRACES_ITSELF, reason="the SDK's own span stays: it is not ours to switch off")
sdk_only = pytest.mark.skipif(not TRACES_ITSELF, reason=f"anthropic {anthropic.__version__} does not trace itself")


def create(claude_api: LookAlike, **options: Any) -> None:
    way = named("create")
    way.run(way.client(claude_api.url, **options), request())


def ours(recording: Recording) -> list[CallSpan]:
    """The spans that know something only we record."""
    return [call for call in map(CallSpan, recording.calls) if call.get(a.CLIENT_ID)]


def test_disabled_by_the_environment(
    claude_api: LookAlike, uninstrumented: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRSTTOKEN_DISABLED", "1")
    AnthropicInstrumentor().instrument()
    try:
        create(claude_api)
    finally:
        AnthropicInstrumentor().uninstrument()
    assert not ours(uninstrumented)


def test_suppressed_by_the_application(claude_api: LookAlike, recorded: Recording) -> None:
    with suppress_instrumentation():
        create(claude_api)
    assert not ours(recorded)


def test_uninstrument_leaves_the_sdk_as_it_was(claude_api: LookAlike, uninstrumented: Recording) -> None:
    from anthropic import _base_client, _streaming

    owners: tuple[Any, ...] = (
        _base_client.SyncAPIClient,
        _base_client.AsyncAPIClient,
        _base_client.BaseClient,
        _streaming.Stream,
        _streaming.AsyncStream,
        type(anthropic.AsyncAnthropic(api_key="none").messages),
    )

    def functions() -> set[tuple[str, int]]:
        owned: list[Any] = [vars(owner) for owner in owners]
        return {(name, id(value)) for names in owned for name, value in names.items()}

    before = functions()
    AnthropicInstrumentor().instrument()
    assert functions() != before
    AnthropicInstrumentor().uninstrument()
    assert functions() == before
    create(claude_api)
    assert not ours(uninstrumented)


def test_a_wrapper_around_ours_survives_uninstrument_and_ours_falls_silent(
    claude_api: LookAlike, uninstrumented: Recording
) -> None:
    from anthropic._base_client import SyncAPIClient

    original = SyncAPIClient.request
    AnthropicInstrumentor().instrument()
    wrapped = SyncAPIClient.request
    seen: list[str] = []

    def theirs(self: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append("theirs")
        return wrapped(self, *args, **kwargs)  # pyright: ignore[reportUnknownVariableType]

    SyncAPIClient.request = theirs
    try:
        AnthropicInstrumentor().uninstrument()
        create(claude_api)
    finally:
        SyncAPIClient.request = original
    assert seen == ["theirs"]
    assert not ours(uninstrumented)


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_wrappers_below_ours_see_their_instances_and_stand_there_again(
    mode: Literal["sync", "async"], claude_api: LookAlike, uninstrumented: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    from anthropic import _base_client
    from anthropic.resources.messages import AsyncMessages

    seen: list[Any] = []

    def theirs(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        seen.append(instance)
        return wrapped(*args, **kwargs)

    seams: list[tuple[Any, str]] = [(_base_client.BaseClient, "_build_request")]
    if mode == "sync":
        seams += [(_base_client.SyncAPIClient, "request"), (_base_client.SyncAPIClient, "_process_response")]
    else:
        seams += [(_base_client.AsyncAPIClient, "request"), (AsyncMessages, "create")]
    for owner, name in seams:
        original = cast("Any", vars(owner)[name])
        monkeypatch.setattr(owner, name, cast("Any", wrapt.FunctionWrapper)(original, theirs))

    def standing() -> list[Any]:
        return [vars(owner)[name] for owner, name in seams]

    before = standing()
    AnthropicInstrumentor().instrument()
    try:
        way = named("create", mode)
        assert way.run(way.client(claude_api.url), request())
    finally:
        AnthropicInstrumentor().uninstrument()
    assert len(seen) == 3
    assert None not in seen
    assert len(ours(uninstrumented)) == 1
    assert standing() == before


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize("name", ["create", "stream_text", "streaming_response_lines"])
def test_a_call_in_flight_at_uninstrument_is_recorded_whole(
    name: str, mode: Literal["sync", "async"], claude_api: LookAlike, uninstrumented: Recording
) -> None:
    AnthropicInstrumentor().instrument()
    way = named(name, mode)
    thread = threading.Thread(target=way.run, args=(way.client(claude_api.url), request(ttft_s=0.2)))
    thread.start()
    while not claude_api.records:
        pass
    AnthropicInstrumentor().uninstrument()
    thread.join()
    assert uninstrumented.call().usage[1] == claude_api.settle()[0].output_tokens


def test_instrument_twice_records_once(claude_api: LookAlike, recorded: Recording) -> None:
    AnthropicInstrumentor().instrument()
    create(claude_api)
    assert recorded.call().usage[1] is not None


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize("name", ["stream_text", "streaming_response_lines"])
def test_a_client_built_before_instrument(
    name: str, mode: Literal["sync", "async"], claude_api: LookAlike, uninstrumented: Recording
) -> None:
    way = named(name, mode)
    client = way.client(claude_api.url)
    assert client.messages is not None
    AnthropicInstrumentor().instrument()
    try:
        way.run(client, request())
    finally:
        AnthropicInstrumentor().uninstrument()
    call = uninstrumented.call()
    assert call[a.CLIENT_CALLS] == 1
    assert call.get(a.CLIENT_CONSTRUCTION_DURATION) is None  # nobody was there to time it
    assert call[a.TIME_TO_FIRST_CHUNK] > 0


@sdk_only
@pytest.mark.parametrize("name", ["create", "stream_text", "streaming_response_lines"])
def test_the_sdks_own_tracing_switched_off_gets_a_span_of_ours(
    name: str, claude_api: LookAlike, recorded: Recording
) -> None:
    way = named(name)
    way.run(way.client(claude_api.url, open_telemetry={"traces": False}), request())
    call = recorded.call()
    assert call.span.instrumentation_scope is not None
    assert call.span.instrumentation_scope.name == "firsttoken"
    assert call.span.name == "chat claude-haiku-4-5"
    assert call.usage[1] == claude_api.settle()[0].output_tokens
    assert "traceparent" not in claude_api.records[0].headers


@sdk_only
def test_the_sdks_own_span_is_the_one_that_is_kept(claude_api: LookAlike, recorded: Recording) -> None:
    create(claude_api)
    call = recorded.call()
    assert call.span.name == "anthropic.messages.create"
    assert claude_api.records[0].headers["traceparent"].split("-")[2] == f"{call.span_id:016x}"


@pytest.mark.parametrize("name", ["create", "stream_text"])
def test_a_tracer_provider_of_ones_own_gets_the_calls(
    name: str, claude_api: LookAlike, uninstrumented: Recording
) -> None:
    mine = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(mine))
    AnthropicInstrumentor().instrument(tracer_provider=provider)
    try:
        way = named(name)
        with trace.get_tracer("application").start_as_current_span("handle") as handle:
            way.run(way.client(claude_api.url), request())
    finally:
        AnthropicInstrumentor().uninstrument()
    (span,) = mine.get_finished_spans()
    call = CallSpan(span)
    assert call.usage[1] == claude_api.settle()[0].output_tokens
    assert call.parent_id == handle.get_span_context().span_id
    # The SDK's own spans go where they went, and refer to nothing that is not there.
    for theirs in map(CallSpan, uninstrumented.calls):
        assert theirs.parent_id == handle.get_span_context().span_id
        assert theirs.get(a.CLIENT_ID) is None


@sdk_only
def test_a_client_with_a_tracer_provider_of_its_own(claude_api: LookAlike, uninstrumented: Recording) -> None:
    mine = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(mine))
    AnthropicInstrumentor().instrument()
    try:
        create(claude_api, open_telemetry={"tracer_provider": provider})
    finally:
        AnthropicInstrumentor().uninstrument()
    (span,) = mine.get_finished_spans()
    assert CallSpan(span).get(a.CLIENT_ID)
    assert not uninstrumented.calls


def test_counting_tokens_and_batches_are_recorded_as_what_they_are(claude_api: LookAlike, recorded: Recording) -> None:
    if not hasattr(anthropic.Anthropic(api_key="none").messages, "batches"):
        pytest.skip(f"anthropic {anthropic.__version__} has them in its beta only")
    asked = {key: value for key, value in request().items() if key not in {"max_tokens", "extra_headers"}}
    body = {key: value for key, value in request().items() if key != "extra_headers"}
    with anthropic.Anthropic(base_url=claude_api.url, api_key="test") as client:
        client.messages.count_tokens(**asked)
        batch = client.messages.batches.create(requests=[{"custom_id": "one", "params": body}])  # pyright: ignore[reportArgumentType]
        client.messages.batches.retrieve(batch.id)
        list(client.models.list())
    found = [call for call in map(CallSpan, recorded.calls) if call.get(a.OPERATION_NAME)]
    assert [call[a.OPERATION_NAME] for call in found] == ["count_tokens", "create_batch"]
    assert all(call.usage == (None, None) for call in map(CallSpan, recorded.calls))
    assert "gen_ai.client.operation.duration" not in recorded.histograms()


def test_instrumented_again_while_a_call_is_under_way_counts_nothing_twice(
    claude_api: LookAlike, uninstrumented: Recording
) -> None:
    way = named("stream_text")
    AnthropicInstrumentor().instrument()
    thread = threading.Thread(target=way.run, args=(way.client(claude_api.url), request(ttft_s=0.2)))
    thread.start()
    while not claude_api.records:
        pass
    AnthropicInstrumentor().uninstrument()
    AnthropicInstrumentor().instrument()
    try:
        thread.join()
        way.run(way.client(claude_api.url), request())
    finally:
        AnthropicInstrumentor().uninstrument()
    assert [CallSpan(span)[a.RESPONSE_BLOCKS] for span in uninstrumented.calls] == [("text:1",)] * 2
