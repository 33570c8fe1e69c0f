"""The ways to call as a table: each, sync and async, with what it needs of the SDK and how it reads the answer."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, closing
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

import anthropic
import pytest

from tests.instrumentation import async_ways, sync_ways
from tests.instrumentation.outcome import seen, seen_error

#: Whether async calls go through aiohttp in place of httpcore; the compatibility run sets the variable.
OVER_AIOHTTP = os.environ.get("FIRSTTOKEN_TEST_TRANSPORT") == "aiohttp"
#: What aiohttp says, without us too, of a connection that an application leaves open; for `filterwarnings`.
LEFT_OPEN = ("ignore:Exception ignored in.*Connection",) if OVER_AIOHTTP else ()
_ASYNC_HTTP: Any = getattr(anthropic, "DefaultAioHttpClient" if OVER_AIOHTTP else "DefaultAsyncHttpxClient")


@dataclass(frozen=True)
class Way:
    """One way to call. `streams`: the application asked for a stream; `parses`: the SDK makes events of it."""

    name: str
    streams: bool = False
    parses: bool = True
    needs: str = "messages.create"
    mode: Literal["sync", "async"] = "sync"

    def __str__(self) -> str:
        return f"{self.mode}-{self.name}"

    @property
    def missing(self) -> bool:
        """Whether this version of the SDK has no such way."""
        found: Any = anthropic.Anthropic(api_key="none")
        for name in self.needs.split("."):
            if not hasattr(found, name):
                return True
            found = getattr(found, name)
        return False

    def client(self, url: str, **options: Any) -> Any:
        """A client of the right kind; it does not retry unless told to, nor load certificates, which takes 30 ms."""
        kind: Any = anthropic.Anthropic if self.mode == "sync" else anthropic.AsyncAnthropic
        plain = {"base_url": url, "api_key": "test", "max_retries": 0}
        if "http_client" not in options:
            plain["http_client"] = self.http(verify=False)
        return kind(**{**plain, **options})

    @property
    def http(self) -> Any:
        """The class of its HTTP client."""
        return anthropic.DefaultHttpxClient if self.mode == "sync" else _ASYNC_HTTP

    def run(self, client: Any, request: dict[str, Any], at_most: int | None = None) -> list[Any]:
        """All that an application saw of the call, in order; the last entry is the error that ended it, if one did.

        The application leaves after `at_most` things that it saw.
        """
        if self.mode == "async":
            return asyncio.run(self.run_async(client, request, at_most))
        items: list[Any] = []
        call: Iterator[object] = getattr(sync_ways, self.name)(client, request)
        try:
            with client, closing(call):  # pyright: ignore[reportArgumentType]
                items.extend(seen(item) for item in islice(call, at_most))
        except BaseException as error:  # noqa: BLE001 - a cancellation is an ending too
            items.append(seen_error(error))
        return items

    async def run_async(self, client: Any, request: dict[str, Any], at_most: int | None = None) -> list[Any]:
        """`run`, inside an event loop."""
        items: list[Any] = []
        call: AsyncIterator[object] = getattr(async_ways, self.name)(client, request)
        try:
            async with client, aclosing(call):  # pyright: ignore[reportArgumentType]
                async for item in call:
                    items.append(seen(item))
                    if len(items) == at_most:
                        break
        except BaseException as error:  # noqa: BLE001
            items.append(seen_error(error))
        return items


_SYNC = (
    Way("create"),
    Way("create_stream_for", streams=True),
    Way("create_stream_next", streams=True),
    Way("create_stream_with", streams=True),
    Way("stream_events", streams=True),
    Way("stream_text", streams=True),
    Way("stream_final_message", streams=True),
    Way("stream_final_text", streams=True),
    Way("stream_until_done", streams=True),
    Way("raw_create"),
    Way("raw_create_unparsed"),
    Way("raw_stream", streams=True),
    Way("streaming_response_parse"),
    Way("streaming_response_json"),
    Way("streaming_response_read"),
    Way("streaming_response_text"),
    Way("streaming_response_stream", streams=True),
    Way("streaming_response_lines", streams=True, parses=False),
    Way("streaming_response_bytes", streams=True, parses=False),
    Way("beta_create", needs="beta.messages.create"),
    Way("beta_create_stream", streams=True, needs="beta.messages.create"),
    Way("beta_stream", streams=True, needs="beta.messages.stream"),
    Way("parse", needs="messages.parse"),
    Way("tool_runner", needs="beta.messages.tool_runner"),
    Way("tool_runner_stream", streams=True, needs="beta.messages.tool_runner"),
    Way("with_options"),
    Way("copied_client"),
    Way("subclassed_client"),
    Way("post"),
)
ALL = (*_SYNC, *(Way(way.name, way.streams, way.parses, way.needs, "async") for way in _SYNC))
STREAMS = tuple(way for way in ALL if way.streams)


def parametrize(ways: tuple[Way, ...] = ALL) -> pytest.MarkDecorator:
    """A test for each of `ways` that this version of the SDK has."""
    version = anthropic.__version__
    lacking = {way.needs: way.missing for way in ways}
    return pytest.mark.parametrize(
        "way",
        [
            pytest.param(
                way,
                id=str(way),
                marks=pytest.mark.skipif(lacking[way.needs], reason=f"anthropic {version} has no {way.needs}"),
            )
            for way in ways
        ],
    )


def named(name: str, mode: Literal["sync", "async"] = "sync") -> Way:
    """One way of the table."""
    return next(way for way in ALL if (way.name, way.mode) == (name, mode))
