"""A response's bytes, watched while they are read: when they came, and, where nobody parses them, what they say.

However an application reads an answer, it reads the response's byte stream. Here a read that waited for the network
can be told from one that found its bytes there; above, where the SDK parses, that is lost. `iter_lines` and
`iter_bytes` never pass the SDK's stream. It is also here that an unread response is seen closed or dropped.
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
    from collections.abc import AsyncIterator, Callable, Iterator

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

    def feed(self, chunk: bytes) -> None:
        """A chunk as it came from the network, compressed or not."""
        try:
            if not self._readable:
                return
            data = self._inflate.decompress(chunk) if self._inflate is not None else chunk
            if self._is_sse:
                self._lines(data)
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

    def _lines(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if line.startswith(b"event:"):
                self._event = line[6:].strip().decode("ascii", "replace")
            elif line.startswith(b"data:"):
                self._data(line[5:])

    def _data(self, data: bytes) -> None:
        call = self._call
        if self._event == "error":
            error = get(get(json.loads(data), "error"), "type")
            call.stream_error = error if isinstance(error, str) else "api_error"
        elif self._event != "ping":
            call.reading.note(json.loads(data), call.answer)


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

    def _begin(self) -> tuple[int, int, Callable[[bytes], None] | None]:
        """The clock, for how long nobody has read by now, and what to do with a chunk that nobody parses."""
        call = self._call
        asked = perf_counter_ns()
        if call.reading.parsed:
            return asked, asked - call.silent_until, None
        self._raw = True
        call.reading.held += asked - call.returned_at
        return asked, asked - call.silent_until, self._scanner.feed

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
        call, reading = self._call, self._call.reading
        clock = perf_counter_ns
        asked, unread, scan = self._begin()
        try:
            for chunk in self._inner:
                now = clock()
                if now - asked > WAITED_NS:
                    unread = 0
                reading.arrival = now if unread < EXACT_NS else -now
                if scan is not None:
                    scan(chunk)
                yield chunk
                asked = clock()
                unread += asked - now
                if scan is not None:
                    reading.held += asked - now
        except GeneratorExit:
            raise
        except BaseException as error:
            if scan is not None:
                call.stream_ended(error, complete=False)
            raise
        self._read()

    def close(self) -> None:
        self._closed()
        self._inner.close()


class _AsyncBody(_Observed):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        call, reading = self._call, self._call.reading
        clock = perf_counter_ns
        chunks = self._inner.__aiter__()
        asked, unread, scan = self._begin()
        try:
            async for chunk in chunks:
                now = clock()
                if now - asked > WAITED_NS:
                    unread = 0
                reading.arrival = now if unread < EXACT_NS else -now
                if scan is not None:
                    scan(chunk)
                yield chunk
                asked = clock()
                unread += asked - now
                if scan is not None:
                    reading.held += asked - now
        except GeneratorExit:
            raise
        except BaseException as error:
            if scan is not None:
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
