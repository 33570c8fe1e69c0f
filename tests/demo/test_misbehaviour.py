"""The look-alike fails as the API fails, and the SDK reacts as it would there."""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import anthropic
import pytest

from firsttoken_dashboard.demo.api import Behaviour, Limits, LookAlike

if TYPE_CHECKING:
    from anthropic.types import MessageParam

#: What the installed SDK sends by: httpx2 from 1.0 on.
httpx: Final[Any] = importlib.import_module("httpx2" if int(anthropic.__version__.partition(".")[0]) else "httpx")
MODEL = "claude-sonnet-5"
HELLO: list[MessageParam] = [{"role": "user", "content": "Say something."}]


@pytest.fixture
def client(claude_api: LookAlike) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=claude_api.url, api_key="key", max_retries=0) as client:
        yield client


def _create(client: anthropic.Anthropic, **knobs: str) -> anthropic.types.Message:
    headers = {f"x-lookalike-{name.replace('_', '-')}": value for name, value in knobs.items()}
    return client.messages.create(model=MODEL, max_tokens=100, messages=HELLO, extra_headers=headers)


def _read(client: anthropic.Anthropic, **knobs: str) -> str:
    headers = {f"x-lookalike-{name.replace('_', '-')}": value for name, value in knobs.items()}
    text = ""
    with client.messages.stream(model=MODEL, max_tokens=100, messages=HELLO, extra_headers=headers) as stream:
        for piece in stream.text_stream:
            text += piece
    return text


@pytest.mark.parametrize(
    ("status", "error", "name"),
    [
        (400, anthropic.BadRequestError, "invalid_request_error"),
        (401, anthropic.AuthenticationError, "authentication_error"),
        (429, anthropic.RateLimitError, "rate_limit_error"),
        (500, anthropic.InternalServerError, "api_error"),
        (529, anthropic.APIStatusError, "overloaded_error"),
    ],
)
def test_a_status_told_by_a_header_is_the_error_of_the_sdk(
    claude_api: LookAlike, client: anthropic.Anthropic, status: int, error: type[anthropic.APIStatusError], name: str
) -> None:
    with pytest.raises(error) as raised:
        _create(client, status=str(status))
    assert raised.value.status_code == status
    assert raised.value.request_id == claude_api.records[0].request_id
    assert claude_api.records[0].error_type == name


def test_overloaded_twice_then_well_is_one_call_of_three_attempts(
    claude_api: LookAlike, client: anthropic.Anthropic
) -> None:
    patient = client.with_options(max_retries=2)
    _create(patient, status="529", attempts="2", retry_after_s="0.05")
    assert [(record.attempt, record.status) for record in claude_api.records] == [(0, 529), (1, 529), (2, 200)]


def test_a_key_has_a_schedule_that_its_attempts_take_step_by_step(
    claude_api: LookAlike, client: anthropic.Anthropic
) -> None:
    claude_api.behave("key", Behaviour(status=503), Behaviour(output_tokens=4), then=Behaviour(output_tokens=9))
    with pytest.raises(anthropic.InternalServerError):
        _create(client)
    assert [_create(client).usage.output_tokens for _ in range(3)] == [4, 9, 9]


def test_a_retired_or_unknown_model_is_not_found(client: anthropic.Anthropic) -> None:
    for model in ("claude-3-haiku-20240307", "claude-opus-4-1-20250805", "claude-nobody-9"):
        with pytest.raises(anthropic.NotFoundError, match=model):
            client.messages.create(model=model, max_tokens=5, messages=HELLO)


def test_a_request_without_key_or_without_messages_is_refused(
    claude_api: LookAlike, client: anthropic.Anthropic
) -> None:
    nameless = httpx.post(f"{claude_api.url}/v1/messages", json={"model": MODEL}, trust_env=False)
    assert nameless.status_code == 401
    with pytest.raises(anthropic.BadRequestError):
        client.messages.create(model=MODEL, max_tokens=5, messages=[])


def test_sampling_parameters_are_refused_from_the_api_version_on_that_has_none(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.BadRequestError, match="temperature"):
        client.messages.create(model=MODEL, max_tokens=5, messages=HELLO, extra_body={"temperature": 0.2})


def test_an_unknown_knob_is_an_error_and_not_ignored(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.BadRequestError, match="no knob"):
        _create(client, speed="9")


def test_an_error_event_ends_a_stream_after_so_many_tokens(claude_api: LookAlike, client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
        _read(client, error_after="10")
    (record,) = claude_api.settle()
    assert (record.status, record.error_type) == (200, "overloaded_error")
    assert sum(tokens for _, tokens in record.deltas) == 9


@pytest.mark.parametrize("after", ["0", "10"])
def test_a_connection_can_be_cut_in_mid_stream(claude_api: LookAlike, client: anthropic.Anthropic, after: str) -> None:
    with pytest.raises((anthropic.APIConnectionError, httpx.TransportError)):
        _read(client, cut_after=after)
    assert claude_api.settle()[0].cut


def test_a_connection_cut_before_the_answer_is_a_connection_error(
    claude_api: LookAlike, client: anthropic.Anthropic
) -> None:
    with pytest.raises(anthropic.APIConnectionError):
        _create(client, cut_after="0")
    assert claude_api.records[0].status is None


@pytest.mark.parametrize("knobs", [{"ttft_s": "inf"}, {"stall_after": "5"}])
def test_an_answer_that_hangs_runs_into_the_clients_timeout(
    claude_api: LookAlike, client: anthropic.Anthropic, knobs: dict[str, str]
) -> None:
    hasty = client.with_options(timeout=0.15)
    start = time.monotonic()
    with pytest.raises((anthropic.APITimeoutError, httpx.ReadTimeout)):
        _read(hasty, **knobs)
    assert time.monotonic() - start < 1
    assert claude_api.settle()[0].client_left


def test_a_key_over_its_limit_gets_429_with_retry_after_and_the_headers_count_down(
    claude_api: LookAlike, client: anthropic.Anthropic
) -> None:
    claude_api.limit("key", Limits(requests=2, input_tokens=10_000, output_tokens=10_000))
    raw = client.messages.with_raw_response.create(model=MODEL, max_tokens=5, messages=HELLO)
    assert raw.headers["anthropic-ratelimit-requests-limit"] == "2"
    assert raw.headers["anthropic-ratelimit-requests-remaining"] == "1"
    assert raw.headers["anthropic-ratelimit-input-tokens-remaining"] == "10000"
    assert raw.headers["anthropic-organization-id"]
    _create(client)
    with pytest.raises(anthropic.RateLimitError) as raised:
        _create(client)
    assert 1 <= int(raised.value.response.headers["retry-after"]) <= 30
    assert raised.value.response.headers["anthropic-ratelimit-requests-remaining"] == "0"
