"""A response's bytes, watched where the application reads them itself.

`iter_lines`, `iter_bytes` and a late `.parse()` never pass the SDK's stream, but all read the response's byte stream.
It is also what tells that an unread response was closed or dropped.
"""

from __future__ import annotations

import json
import sys
import zlib
from functools import lru_cache
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, cast

from firsttoken.guard import fault
from firsttoken.response import get
from firsttoken.stream import EXACT_NS, WAITED_NS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from firsttoken.call import Call

#: A body that is not a stream is kept for its usage up to this many bytes.
LARGEST_BODY = 16_000_000


def observe(response: Any, call: Call) -> None:
    """Puts a watched byte stream in the place of the response's own, of the same kinds (sync, async or both)."""
    inner = response.stream
    kinds = _kinds(type(response).__module__.partition(".")[0])
    if kinds is None:
        return
    sync_kind, async_kind, both = kinds
    is_sync, is_async = isinstance(inner, sync_kind.__bases__[1]), isinstance(inner, async_kind.__bases__[1])
    if is_sync or is_async:
        kind = both if is_sync and is_async else sync_kind if is_sync else async_kind
        response.stream = kind(inner, call, Scanner(call, response.headers.get("content-encoding"), _is_sse(response)))


def _is_sse(response: Any) -> bool:
    return str(response.headers.get("content-type", "")).startswith("text/event-stream")


class Scanner:
    """Reads usage, first token and the end out of a body's bytes, for a call that nobody parses."""

    def __init__(self, call: Call, encoding: str | None, is_sse: bool) -> None:  # noqa: FBT001
        self._call = call
        self._is_sse = is_sse
        self._inflate = None if encoding in {None, "", "identity"} else _decoder(encoding)
        self._readable = encoding in {None, "", "identity"} or self._inflate is not None
        self._rest = b""
        self._parts: list[bytes] = []
        self._size = 0
        self._event = ""

    def feed(self, chunk: bytes, now: int, *, exact: bool) -> None:
        """A chunk as it came from the network, compressed or not."""
        try:
            if not self._readable:
                return
            data = self._inflate.decompress(chunk) if self._inflate is not None else chunk
            if self._is_sse:
                self._lines(data, now if exact else -now)
            elif self._size <= LARGEST_BODY:
                self._parts.append(data)
                self._size += len(data)
        except Exception:  # noqa: BLE001
            fault("a response's bytes")
            self._readable = False

    def end(self) -> None:
        """The body is read: a whole Message, where it was one."""
        if self._is_sse or not self._readable or not self._parts or self._size > LARGEST_BODY:
            return
        try:
            message = json.loads(b"".join(self._parts))
            if get(message, "type") == "message":
                self._call.answer.read_message(message)
        except Exception:  # noqa: BLE001
            fault("a response's body")

    def _lines(self, data: bytes, moment: int) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if line.startswith(b"event:"):
                self._event = line[6:].strip().decode("ascii", "replace")
            elif line.startswith(b"data:"):
                self._data(line[5:], moment)

    def _data(self, data: bytes, moment: int) -> None:
        reading, answer = self._call.reading, self._call.answer
        if self._event == "content_block_delta":
            reading.deltas.append(moment)
            if b'"input_json_delta"' in data:
                reading.json_deltas.add(len(reading.deltas) - 1)
            elif b'"thinking_delta"' in data:
                reading.thinking_shown = True
            elif b'"text_delta"' in data:
                if reading.first_text is None:
                    reading.first_text = abs(moment)
                text = get(get(json.loads(data), "delta"), "text")
                if isinstance(text, str):
                    answer.text.append(text)
        elif self._event == "error":
            error = get(get(json.loads(data), "error"), "type")
            self._call.stream_error = error if isinstance(error, str) else "api_error"
        elif self._event != "ping":
            reading.note(json.loads(data), answer)


def _decoder(encoding: str | None) -> Any:
    if encoding == "gzip":
        return zlib.decompressobj(zlib.MAX_WBITS | 16)
    return zlib.decompressobj() if encoding == "deflate" else None


class _Observed:
    """What the sync and the async byte stream have in common."""

    def __init__(self, inner: Any, call: Call, scanner: Scanner) -> None:
        self._inner = inner
        self._call = call
        self._scanner = scanner
        self._raw = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def _closed(self) -> None:
        # Where the SDK's stream is being read, its generator knows better how the reading ended.
        if not self._call.reading.inside:
            self._call.stream_ended(None, complete=False)

    def _read(self) -> None:
        self._scanner.end()
        if self._raw:
            self._call.stream_ended(None, complete=True)

    def __del__(self) -> None:
        try:
            self._closed()
        except Exception:  # noqa: BLE001
            fault("a dropped response")


class _SyncBody(_Observed):
    def __iter__(self) -> Iterator[bytes]:
        call = self._call
        if call.reading.parsed:
            yield from self._inner
            return
        self._raw = True
        clock = perf_counter_ns
        resumed = clock()
        late = resumed - call.silent_until
        try:
            for chunk in self._inner:
                now = clock()
                if now - resumed > WAITED_NS:
                    late = 0
                self._scanner.feed(chunk, now, exact=late < EXACT_NS)
                yield chunk
                resumed = clock()
                held = resumed - now
                call.reading.held += held
                late += held
        except Exception as error:
            call.stream_ended(error, complete=False)
            raise
        self._read()

    def close(self) -> None:
        self._closed()
        self._inner.close()


class _AsyncBody(_Observed):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        call = self._call
        chunks = self._inner.__aiter__()
        try:
            if call.reading.parsed:
                async for chunk in chunks:
                    yield chunk
                return
            self._raw = True
            clock = perf_counter_ns
            resumed = clock()
            late = resumed - call.silent_until
            async for chunk in chunks:
                now = clock()
                if now - resumed > WAITED_NS:
                    late = 0
                self._scanner.feed(chunk, now, exact=late < EXACT_NS)
                yield chunk
                resumed = clock()
                held = resumed - now
                call.reading.held += held
                late += held
        except Exception as error:
            call.stream_ended(error, complete=False)
            raise
        finally:
            # In the task that read it: the event loop would close it later, in a task of its own.
            aclose = getattr(chunks, "aclose", None)
            if aclose is not None:
                await aclose()
        self._read()

    async def aclose(self) -> None:
        self._closed()
        await self._inner.aclose()


@lru_cache(maxsize=4)
def _kinds(httpx_name: str) -> tuple[type[Any], type[Any], type[Any]] | None:
    """The observed byte streams for one httpx (the SDK moved from `httpx` to `httpx2`), which checks their classes."""
    httpx = cast("Any", sys.modules.get(httpx_name))
    if httpx is None:
        return None
    sync_base, async_base = httpx.SyncByteStream, httpx.AsyncByteStream
    sync_kind = type("ObservedSyncStream", (_SyncBody, sync_base), {})
    async_kind = type("ObservedAsyncStream", (_AsyncBody, async_base), {})
    both = type("ObservedStream", (_SyncBody, _AsyncBody, sync_base, async_base), {})
    return sync_kind, async_kind, both
