"""Every way to make a call with an async client. Each takes a client and a request, and yields what it saw."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from typing import Any, cast

Client = Any
Request = dict[str, Any]


async def _parsed(response: Any) -> Any:
    value = response.parse()  # a raw response's is a plain function before 1.0
    return await value if inspect.isawaitable(value) else value


async def create(client: Client, request: Request) -> AsyncIterator[object]:
    yield await client.messages.create(**request)


async def create_stream_for(client: Client, request: Request) -> AsyncIterator[object]:
    stream = await client.messages.create(**request, stream=True)
    yield type(stream).__name__
    async for item in stream:
        yield item


async def create_stream_next(client: Client, request: Request) -> AsyncIterator[object]:
    stream = await client.messages.create(**request, stream=True)
    events = aiter(stream)
    while (event := await anext(events, None)) is not None:
        yield event


async def create_stream_with(client: Client, request: Request) -> AsyncIterator[object]:
    async with await client.messages.create(**request, stream=True) as stream:
        async for item in stream:
            yield item


async def stream_events(client: Client, request: Request) -> AsyncIterator[object]:
    async with client.messages.stream(**request) as stream:
        yield type(stream).__name__
        async for item in stream:
            yield item


async def stream_text(client: Client, request: Request) -> AsyncIterator[object]:
    async with client.messages.stream(**request) as stream:
        async for item in stream.text_stream:
            yield item
        yield await stream.get_final_message()


async def stream_final_message(client: Client, request: Request) -> AsyncIterator[object]:
    async with client.messages.stream(**request) as stream:
        yield await stream.get_final_message()


async def stream_final_text(client: Client, request: Request) -> AsyncIterator[object]:
    async with client.messages.stream(**request) as stream:
        yield await stream.get_final_text()


async def stream_until_done(client: Client, request: Request) -> AsyncIterator[object]:
    async with client.messages.stream(**request) as stream:
        await stream.until_done()
        yield stream.current_message_snapshot


async def raw_create(client: Client, request: Request) -> AsyncIterator[object]:
    response = await client.messages.with_raw_response.create(**request)
    yield type(response).__name__
    yield response.status_code
    yield await _parsed(response)


async def raw_create_unparsed(client: Client, request: Request) -> AsyncIterator[object]:
    response = await client.messages.with_raw_response.create(**request)
    yield response.http_response.json()["content"]


async def raw_stream(client: Client, request: Request) -> AsyncIterator[object]:
    response = await client.messages.with_raw_response.create(**request, stream=True)
    yield type(response).__name__
    async for item in await _parsed(response):
        yield item


async def streaming_response_parse(client: Client, request: Request) -> AsyncIterator[object]:
    async with client.messages.with_streaming_response.create(**request) as response:
        yield type(response).__name__
        yield await _parsed(response)


async def streaming_response_json(client: Client, request: Request) -> AsyncIterator[object]:
    async with client.messages.with_streaming_response.create(**request) as response:
        yield (await response.json())["content"]


async def streaming_response_read(client: Client, request: Request) -> AsyncIterator[object]:
    async with client.messages.with_streaming_response.create(**request) as response:
        yield len(await response.read())


async def streaming_response_text(client: Client, request: Request) -> AsyncIterator[object]:
    async with client.messages.with_streaming_response.create(**request) as response:
        yield type(await response.text()).__name__


async def streaming_response_stream(client: Client, request: Request) -> AsyncIterator[object]:
    async with client.messages.with_streaming_response.create(**request, stream=True) as response:
        async for item in await _parsed(response):
            yield item


async def streaming_response_lines(client: Client, request: Request) -> AsyncIterator[object]:
    async with client.messages.with_streaming_response.create(**request, stream=True) as response:
        async for line in response.iter_lines():
            yield line.partition(":")[0]


async def streaming_response_bytes(client: Client, request: Request) -> AsyncIterator[object]:
    async with client.messages.with_streaming_response.create(**request, stream=True) as response:
        yield b"".join([chunk async for chunk in response.iter_bytes()]).count(b"event: ")


async def beta_create(client: Client, request: Request) -> AsyncIterator[object]:
    yield await client.beta.messages.create(**request)


async def beta_create_stream(client: Client, request: Request) -> AsyncIterator[object]:
    async for item in await client.beta.messages.create(**request, stream=True):
        yield item


async def beta_stream(client: Client, request: Request) -> AsyncIterator[object]:
    async with client.beta.messages.stream(**request) as stream:
        async for item in stream.text_stream:
            yield item


async def parse(client: Client, request: Request) -> AsyncIterator[object]:
    yield await client.messages.parse(**request)


async def tool_runner(client: Client, request: Request) -> AsyncIterator[object]:
    async for item in client.beta.messages.tool_runner(**request, tools=[]):
        yield item


async def tool_runner_stream(client: Client, request: Request) -> AsyncIterator[object]:
    async for stream in client.beta.messages.tool_runner(**request, tools=[], stream=True):
        async for item in stream:
            yield item


async def with_options(client: Client, request: Request) -> AsyncIterator[object]:
    yield await client.with_options(timeout=30.0, max_retries=0).messages.create(**request)


async def copied_client(client: Client, request: Request) -> AsyncIterator[object]:
    yield await client.copy().messages.create(**request)


async def subclassed_client(client: Client, request: Request) -> AsyncIterator[object]:
    kind: Any = type("TeamClient", (cast("Any", type(client)),), {})
    async with kind(base_url=str(client.base_url), api_key=client.api_key, max_retries=0) as mine:
        yield await mine.messages.create(**request)


async def post(client: Client, request: Request) -> AsyncIterator[object]:
    from anthropic.types import Message

    body = {key: value for key, value in request.items() if key != "extra_headers"}
    yield await client.post("/v1/messages", cast_to=Message, body=body, options={"headers": request["extra_headers"]})
