"""A call that fails is one span that says how: by the API's own word, or by what the client ran into."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Any

import anthropic
import pytest
from benchmarks.overhead.transport import httpx
from opentelemetry.trace import StatusCode

from firsttoken import attributes as a
from firsttoken_dashboard.demo.api import LookAlike
from tests.instrumentation.recording import CallSpan, Recording
from tests.instrumentation.request import request
from tests.instrumentation.ways import ALL, OVER_AIOHTTP, STREAMS, Way, named, parametrize

API_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}
FEW = parametrize((named("create"), named("stream_text"), named("create", "async"), named("stream_text", "async")))


def failed(recorded: Recording, error_type: str) -> CallSpan:
    """The one span, which failed with that type and knows no answer."""
    call = recorded.call()
    assert call.get(a.ERROR_TYPE) == error_type
    assert call.status is StatusCode.ERROR
    assert call.get(a.OUTPUT_TOKENS) is None
    return call


def unconnected(error: dict[str, Any]) -> str:
    """The type of a connection that failed. httpx-aiohttp has the application see a timeout, and so do we."""
    timeout = OVER_AIOHTTP and error["type"].endswith("APITimeoutError")
    assert timeout or error["type"].endswith("APIConnectionError")
    return "client_timeout_error" if timeout else "connection_error"


@parametrize(ALL)
def test_refused_by_the_api_has_its_error_type_and_status(way: Way, claude_api: LookAlike, recorded: Recording) -> None:
    (error,) = way.run(way.client(claude_api.url), request(status=529, message="Overloaded"))

    assert error["status"] == 529
    call = failed(recorded, "overloaded_error")
    assert call[a.HTTP_STATUS_CODE] == 529
    assert call[a.REQUEST_ID] == claude_api.records[0].request_id
    assert call.get(a.TIME_TO_FIRST_CHUNK) is None


@pytest.mark.parametrize(("status", "error_type"), API_ERRORS.items())
def test_each_error_of_the_api_keeps_its_name(
    status: int, error_type: str, claude_api: LookAlike, recorded: Recording
) -> None:
    named("create").run(named("create").client(claude_api.url), request(status=status))

    call = failed(recorded, error_type)
    assert [attempt[a.ERROR_TYPE] for attempt in call.attempts] == [error_type]


@parametrize(STREAMS)
def test_an_error_event_in_mid_stream_is_the_calls_error(way: Way, claude_api: LookAlike, recorded: Recording) -> None:
    items = way.run(way.client(claude_api.url), request(output_tokens=30, error_after=10))

    call = recorded.call()
    assert call[a.HTTP_STATUS_CODE] == 200
    assert call.get(a.OUTPUT_TOKENS) is None  # what `message_start` says of them is a placeholder
    assert call[a.INPUT_TOKENS] == claude_api.settle()[0].usage["input_tokens"]
    assert call[a.CHUNK_COUNT] == len(claude_api.records[0].deltas)
    assert call.get(a.ERROR_TYPE) == "overloaded_error"
    if way.parses:
        assert items[-1]["type"].endswith(("APIStatusError", "OverloadedError"))
        assert call.status is StatusCode.ERROR


@parametrize(STREAMS)
def test_a_connection_cut_in_mid_stream_is_a_connection_error(
    way: Way, claude_api: LookAlike, recorded: Recording
) -> None:
    way.run(way.client(claude_api.url), request(output_tokens=30, cut_after=10))

    call = failed(recorded, "connection_error")
    assert call[a.CHUNK_COUNT] == len(claude_api.records[0].deltas)


@FEW
def test_no_answer_in_time_is_a_timeout(way: Way, claude_api: LookAlike, recorded: Recording) -> None:
    (error,) = way.run(way.client(claude_api.url, timeout=0.15), request(ttft_s="inf", headers_s="inf"))

    assert error["type"].endswith("APITimeoutError")
    call = failed(recorded, "client_timeout_error")
    assert call[a.REQUEST_TIMEOUT] == 0.15
    assert 0.15 <= call.duration_s < 2
    assert [attempt[a.ERROR_TYPE] for attempt in call.attempts] == ["client_timeout_error"]
    assert 0.15 <= call.attempts[0][a.ATTEMPT_DURATION] <= call.duration_s


@parametrize(tuple(way for way in STREAMS if way.name in {"stream_text", "streaming_response_lines"}))
def test_silence_in_mid_stream_is_a_timeout(way: Way, claude_api: LookAlike, recorded: Recording) -> None:
    items = way.run(way.client(claude_api.url, timeout=0.15), request(output_tokens=30, stall_after=10, stall_s="inf"))

    assert items[-1]["type"].endswith("ReadTimeout")
    failed(recorded, "client_timeout_error")


@FEW
def test_a_refused_connection_is_a_connection_error(way: Way, recorded: Recording) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        (error,) = way.run(way.client(url), request())

    call = failed(recorded, unconnected(error))
    assert call.get(a.HTTP_STATUS_CODE) is None


@FEW
def test_a_connection_that_is_not_accepted_in_time_is_a_timeout(way: Way, recorded: Recording) -> None:
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for waiting in (first, second):  # they fill the queue, so that the kernel answers nobody else
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        url = f"http://127.0.0.1:{full.getsockname()[1]}"
        (error,) = way.run(way.client(url, timeout=0.15), request())

    assert error["type"].endswith("APITimeoutError")
    failed(recorded, "client_timeout_error")


@FEW
def test_a_server_that_does_not_read_the_request_in_time_is_a_timeout(way: Way, recorded: Recording) -> None:
    if OVER_AIOHTTP and way.mode == "async":
        pytest.skip("aiohttp knows no timeout for writing")
    long: dict[str, Any] = {**request(), "messages": [{"role": "user", "content": "sea " * 3_000_000}]}
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # connections have it too
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        (error,) = way.run(way.client(url, timeout=anthropic.Timeout(20, write=0.15)), long)

    assert error["type"].endswith("APITimeoutError")
    call = failed(recorded, "client_timeout_error")
    assert call.get(a.HTTP_STATUS_CODE) is None
    (attempt,) = call.attempts
    assert attempt[a.ERROR_TYPE] == "client_timeout_error"
    assert 0.15 <= attempt[a.ATTEMPT_DURATION] <= call.duration_s < 10


@pytest.mark.parametrize("asked_for", [{}, {"stream": True}], ids=["whole answer", "stream"])
def test_no_connection_free_in_time_is_a_timeout_of_that_call_only(
    asked_for: dict[str, Any], claude_api: LookAlike, recorded: Recording
) -> None:
    limited = anthropic.DefaultHttpxClient(verify=False, limits=httpx.Limits(max_connections=1))
    client = named("create").client(
        claude_api.url, http_client=limited, timeout=anthropic.Timeout(20, pool=0.15), max_retries=1
    )
    with client, client.messages.create(**request(output_tokens=30), stream=True) as under_way:
        next(under_way)
        with pytest.raises(anthropic.APITimeoutError):
            client.messages.create(**request(), **asked_for)
        waited = failed(recorded, "client_timeout_error")
        recorded.clear()
        assert [event.type for event in under_way][-1] == "message_stop"
    no_connection_in_time(waited)
    (record,) = claude_api.settle()
    assert (recorded.call().status, recorded.call()[a.OUTPUT_TOKENS]) == (StatusCode.OK, record.output_tokens)


@pytest.mark.skipif(OVER_AIOHTTP, reason="the SDK's client over aiohttp heeds no limit of connections")
@pytest.mark.parametrize("asked_for", [{}, {"stream": True}], ids=["whole answer", "stream"])
def test_no_connection_free_in_time_for_an_async_call_is_its_timeout(
    asked_for: dict[str, Any], claude_api: LookAlike, recorded: Recording
) -> None:
    async def main() -> CallSpan:
        way = named("create", "async")
        limited = way.http(verify=False, limits=httpx.Limits(max_connections=1))
        client = way.client(
            claude_api.url, http_client=limited, timeout=anthropic.Timeout(20, pool=0.15), max_retries=1
        )
        async with client, await client.messages.create(**request(output_tokens=30), stream=True) as under_way:
            await anext(under_way)
            with pytest.raises(anthropic.APITimeoutError):
                await client.messages.create(**request(), **asked_for)
            waited = failed(recorded, "client_timeout_error")
            recorded.clear()
            assert [event.type async for event in under_way][-1] == "message_stop"
        return waited

    no_connection_in_time(asyncio.run(main()))
    (record,) = claude_api.settle()
    assert (recorded.call().status, recorded.call()[a.OUTPUT_TOKENS]) == (StatusCode.OK, record.output_tokens)


def no_connection_in_time(waited: CallSpan) -> None:
    """It tried twice, each time for as long as it was given, and opened no connection."""
    assert [attempt[a.ERROR_TYPE] for attempt in waited.attempts] == ["client_timeout_error"] * 2
    assert waited.get(a.CONNECTION_DURATION) is None
    assert waited.get(a.HTTP_STATUS_CODE) is None
    assert waited[a.HTTP_RESEND_COUNT] == 1
    assert all(0.15 <= attempt[a.ATTEMPT_DURATION] < waited.duration_s < 10 for attempt in waited.attempts)
    assert waited[a.RETRY_WAIT] + 0.3 <= waited.duration_s


@FEW
def test_a_server_that_hangs_up_without_a_word_is_a_connection_error(way: Way, recorded: Recording) -> None:
    def hang_up(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(1)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=hang_up, args=(listening,))
        thread.start()
        (error,) = way.run(way.client(f"http://127.0.0.1:{listening.getsockname()[1]}"), request())
        thread.join()

    failed(recorded, unconnected(error))


@parametrize(
    tuple(
        named(name, mode)
        for name in ("create", "raw_create_unparsed", "streaming_response_read", "create_stream_for")
        for mode in ("sync", "async")
    )
)
@pytest.mark.parametrize(
    ("content_type", "page"),
    [
        ("text/html", "<html>Please log in</html>"),
        ("application/json", "{half of it"),
        ("application/json", '{"type": "message", "content": 3, "usage": 7}'),
        ("application/json", ""),
    ],
    ids=["a page", "half an answer", "another message", "nothing"],
)
def test_what_a_proxy_sends_in_place_of_an_answer_is_a_call_without_one(
    way: Way, content_type: str, page: str, recorded: Recording
) -> None:
    """Whether that is an error is for the SDK to say; where it was called is known."""

    def answer(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            asked = b""
            while not asked.endswith(b"}"):
                asked += connection.recv(65536)
            head = f"HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ncontent-length: {len(page)}\r\n\r\n"
            connection.sendall(head.encode() + page.encode())

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=answer, args=(listening,))
        thread.start()
        way.run(way.client(f"http://127.0.0.1:{listening.getsockname()[1]}"), request())
        thread.join()

    call = recorded.call()
    assert {a.CLIENT_ID, a.CODE_LINE} <= call.attributes.keys()
    assert not {a.OUTPUT_TOKENS, a.INPUT_TOKENS, a.TIME_TO_FIRST_CHUNK} & call.attributes.keys()


@FEW
def test_a_model_that_is_retired_is_not_found(way: Way, claude_api: LookAlike, recorded: Recording) -> None:
    asked: dict[str, Any] = {**request(), "model": "claude-unknown-1"}
    way.run(way.client(claude_api.url), asked)

    call = failed(recorded, "not_found_error")
    assert call[a.REQUEST_MODEL] == "claude-unknown-1"
