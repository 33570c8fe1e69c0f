"""Every way to make a call with a sync client. Each takes a client and a request, and yields what it saw."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

Client = Any
Request = dict[str, Any]


def create(client: Client, request: Request) -> Iterable[object]:
    yield client.messages.create(**request)


def create_stream_for(client: Client, request: Request) -> Iterable[object]:
    stream = client.messages.create(**request, stream=True)
    yield type(stream).__name__
    yield from stream


def create_stream_next(client: Client, request: Request) -> Iterable[object]:
    stream = client.messages.create(**request, stream=True)
    while (event := next(stream, None)) is not None:
        yield event


def create_stream_with(client: Client, request: Request) -> Iterable[object]:
    with client.messages.create(**request, stream=True) as stream:
        yield from stream


def stream_events(client: Client, request: Request) -> Iterable[object]:
    with client.messages.stream(**request) as stream:
        yield type(stream).__name__
        yield from stream


def stream_text(client: Client, request: Request) -> Iterable[object]:
    with client.messages.stream(**request) as stream:
        yield from stream.text_stream
        yield stream.get_final_message()


def stream_final_message(client: Client, request: Request) -> Iterable[object]:
    with client.messages.stream(**request) as stream:
        yield stream.get_final_message()


def stream_final_text(client: Client, request: Request) -> Iterable[object]:
    with client.messages.stream(**request) as stream:
        yield stream.get_final_text()


def stream_until_done(client: Client, request: Request) -> Iterable[object]:
    with client.messages.stream(**request) as stream:
        stream.until_done()
        yield stream.current_message_snapshot


def raw_create(client: Client, request: Request) -> Iterable[object]:
    response = client.messages.with_raw_response.create(**request)
    yield type(response).__name__
    yield response.status_code
    yield response.parse()


def raw_create_unparsed(client: Client, request: Request) -> Iterable[object]:
    yield client.messages.with_raw_response.create(**request).http_response.json()["content"]


def raw_stream(client: Client, request: Request) -> Iterable[object]:
    response = client.messages.with_raw_response.create(**request, stream=True)
    yield type(response).__name__
    yield from response.parse()


def streaming_response_parse(client: Client, request: Request) -> Iterable[object]:
    with client.messages.with_streaming_response.create(**request) as response:
        yield type(response).__name__
        yield response.parse()


def streaming_response_json(client: Client, request: Request) -> Iterable[object]:
    with client.messages.with_streaming_response.create(**request) as response:
        yield response.json()["content"]


def streaming_response_read(client: Client, request: Request) -> Iterable[object]:
    with client.messages.with_streaming_response.create(**request) as response:
        yield len(response.read())


def streaming_response_text(client: Client, request: Request) -> Iterable[object]:
    with client.messages.with_streaming_response.create(**request) as response:
        yield type(response.text()).__name__


def streaming_response_stream(client: Client, request: Request) -> Iterable[object]:
    with client.messages.with_streaming_response.create(**request, stream=True) as response:
        yield from response.parse()


def streaming_response_lines(client: Client, request: Request) -> Iterable[object]:
    with client.messages.with_streaming_response.create(**request, stream=True) as response:
        yield from (line.partition(":")[0] for line in response.iter_lines())


def streaming_response_bytes(client: Client, request: Request) -> Iterable[object]:
    with client.messages.with_streaming_response.create(**request, stream=True) as response:
        yield b"".join(response.iter_bytes()).count(b"event: ")


def beta_create(client: Client, request: Request) -> Iterable[object]:
    yield client.beta.messages.create(**request)


def beta_create_stream(client: Client, request: Request) -> Iterable[object]:
    yield from client.beta.messages.create(**request, stream=True)


def beta_stream(client: Client, request: Request) -> Iterable[object]:
    with client.beta.messages.stream(**request) as stream:
        yield from stream.text_stream


def parse(client: Client, request: Request) -> Iterable[object]:
    yield client.messages.parse(**request)


def tool_runner(client: Client, request: Request) -> Iterable[object]:
    yield from client.beta.messages.tool_runner(**request, tools=[])


def tool_runner_stream(client: Client, request: Request) -> Iterable[object]:
    for stream in client.beta.messages.tool_runner(**request, tools=[], stream=True):
        yield from stream


def with_options(client: Client, request: Request) -> Iterable[object]:
    yield client.with_options(timeout=30.0, max_retries=0).messages.create(**request)


def copied_client(client: Client, request: Request) -> Iterable[object]:
    yield client.copy().messages.create(**request)


def subclassed_client(client: Client, request: Request) -> Iterable[object]:
    kind: Any = type("TeamClient", (cast("Any", type(client)),), {})
    with kind(base_url=str(client.base_url), api_key=client.api_key, max_retries=0) as mine:
        yield mine.messages.create(**request)


def post(client: Client, request: Request) -> Iterable[object]:
    from anthropic.types import Message

    body = {key: value for key, value in request.items() if key != "extra_headers"}
    yield client.post("/v1/messages", cast_to=Message, body=body, options={"headers": request["extra_headers"]})
