"""Claude on Bedrock, Vertex, Foundry and the clouds' own doors: one span, the platform's name, the same figures."""

from __future__ import annotations

import base64
import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import anthropic
import pytest
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.trace import StatusCode

from firsttoken import DuckDBSpanExporter, store
from firsttoken import attributes as a
from firsttoken.aws_frames import Frames
from firsttoken_dashboard.demo.api import LookAlike
from tests.instrumentation.platforms import PLATFORMS, Gateway, Platform, frame
from tests.instrumentation.recording import Recording
from tests.instrumentation.request import MODEL, request
from tests.instrumentation.ways import named

Mode = Literal["sync", "async"]

platforms = pytest.mark.parametrize("platform", PLATFORMS, ids=str)
modes = pytest.mark.parametrize("mode", ["sync", "async"])


@pytest.fixture
def gateway(claude_api: LookAlike) -> Iterator[Gateway]:
    with Gateway(claude_api.url) as running:
        yield running
        running.shutdown()


@pytest.fixture(scope="module", autouse=True)
def _boto3_is_loaded() -> None:
    """By whoever calls Bedrock first; on a busy machine that takes longer than any call here may."""
    if importlib.util.find_spec("boto3"):
        for name in ("boto3", "botocore.auth", "botocore.awsrequest", "botocore.eventstream", "botocore.parsers"):
            importlib.import_module(name)


def opened(platform: Platform, gateway: Gateway, mode: Mode) -> Any:
    """A client of the platform; skips the test where there cannot be one."""
    if "aws_secret_key" in platform.arguments and not importlib.util.find_spec("boto3"):
        pytest.skip("the SDK signs its requests to Bedrock with boto3, which is not installed")
    client = platform.open(gateway.url, mode)
    if client is None:
        pytest.skip(f"anthropic {anthropic.__version__} has no {platform.client}")
    return client


def asked(platform: Platform, *, status: int = 200) -> dict[str, Any]:
    return {**request(status=status), "model": platform.model}


@platforms
@modes
@pytest.mark.parametrize("name", ["create", "stream_text", "raw_stream"])
def test_each_is_one_span_with_its_provider_and_the_servers_own_token_counts(
    platform: Platform, mode: Mode, name: str, claude_api: LookAlike, gateway: Gateway, recorded: Recording
) -> None:
    way = named(name, mode)
    way.run(opened(platform, gateway, mode), asked(platform))

    (record,) = claude_api.settle()
    call = recorded.call()
    assert call.usage == (record.usage["input_tokens"], record.output_tokens)
    assert call[a.OPERATION_NAME] == "chat"
    assert call[a.PROVIDER_NAME] == platform.provider
    assert call[a.REQUEST_MODEL] == platform.model
    assert call[a.RESPONSE_MODEL].startswith(MODEL)
    assert call[a.REQUEST_ID] == record.request_id
    assert call[a.SERVER_ADDRESS] == "127.0.0.1"
    assert call[a.CODE_FILE].endswith(f"{mode}_ways.py")
    assert call[a.PROMPT_BLOCKS]
    assert call.status is not StatusCode.ERROR
    if way.streams:
        assert record.first_delta_at is not None
        assert 0 <= call[a.TIME_TO_FIRST_CHUNK] - (record.first_delta_at - record.first_byte_at) < 0.5
        assert call[a.TIME_TO_FIRST_CHUNK] <= call.duration_s
        assert call[a.CHUNK_COUNT] == len(record.deltas)
    else:
        assert call.get(a.TIME_TO_FIRST_CHUNK) is None


@platforms
@pytest.mark.skipif(not hasattr(anthropic.Anthropic, "_tracer"), reason="this SDK does not trace itself")
def test_the_sdk_names_the_platform_in_its_scope_and_its_span_is_the_one_that_is_kept(
    platform: Platform, gateway: Gateway, recorded: Recording
) -> None:
    client = opened(platform, gateway, "sync")
    named("create").run(client, asked(platform))

    call = recorded.call()
    assert call.span.instrumentation_scope is not None
    told = getattr(client, "_otel_platform", None)  # not in the first versions that trace themselves
    assert call.span.instrumentation_scope.name == (f"{a.SDK_SCOPE_NAME}.{told}" if told else a.SDK_SCOPE_NAME)
    assert told in {None, platform.scope}
    assert call.span.name == "anthropic.messages.create"
    assert call[a.CLIENT_ID]


@platforms
def test_a_refusal_is_an_error_of_the_platforms_call(platform: Platform, gateway: Gateway, recorded: Recording) -> None:
    (error,) = named("create").run(opened(platform, gateway, "sync"), asked(platform, status=400))

    assert error["status"] == 400
    call = recorded.call()
    assert call.status is StatusCode.ERROR
    assert (call[a.PROVIDER_NAME], call[a.ERROR_TYPE]) == (platform.provider, "invalid_request_error")


@modes
@pytest.mark.parametrize("name", ["streaming_response_lines", "streaming_response_bytes"])
def test_bedrocks_frames_are_understood_where_the_application_reads_them_raw(
    mode: Mode, name: str, claude_api: LookAlike, gateway: Gateway, recorded: Recording
) -> None:
    way = named(name, mode)
    assert way.run(opened(PLATFORMS[0], gateway, mode), asked(PLATFORMS[0]))
    (record,) = claude_api.settle()
    call = recorded.call()
    assert call.usage == (record.usage["input_tokens"], record.output_tokens)
    assert call[a.CHUNK_COUNT] == len(record.deltas)
    assert call.status is not StatusCode.ERROR


def test_frames_are_cut_wherever_the_network_cuts_them() -> None:
    events = [b'{"type": "ping"}', b'{"type": "message_stop"}']
    sent = b"".join(frame(json.dumps({"bytes": base64.b64encode(event).decode()}).encode()) for event in events)
    sent += frame(b'{"message": "Too many tokens"}', kind=b"throttlingException")
    for size in range(1, len(sent)):
        frames = Frames()
        parts = [sent[at : at + size] for at in range(0, len(sent), size)]
        assert [event for part in parts for event in frames.feed(part)] == events


def test_bytes_that_are_no_frames_are_refused() -> None:
    with pytest.raises(ValueError, match="event stream"):
        list(Frames().feed(bytes(16)))


@platforms
def test_the_store_has_the_platforms_calls_in_the_same_columns(
    platform: Platform, claude_api: LookAlike, gateway: Gateway, recorded: Recording, tmp_path: Path
) -> None:
    named("stream_text").run(opened(platform, gateway, "sync"), asked(platform))
    exporter = DuckDBSpanExporter(tmp_path / "store.duckdb")
    assert exporter.export(recorded.spans) is SpanExportResult.SUCCESS
    exporter.shutdown()

    (record,) = claude_api.settle()
    with store.open(tmp_path / "store.duckdb").read() as connection:
        rows = connection.execute(
            "SELECT provider, request_model, input_tokens, output_tokens, ttft_s > 0 FROM calls"
        ).fetchall()
    company = platform.provider.partition(".")[0]
    assert rows == [(company, platform.model, record.usage["input_tokens"], record.output_tokens, True)]
