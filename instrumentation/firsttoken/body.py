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
from time import perf_counter
from typing import TYPE_CHECKING, Any, cast

from firsttoken.aws_frames import CONTENT_TYPE as AWS_FRAMES
from firsttoken.aws_frames import Frames
from firsttoken.guard import guarded
from firsttoken.response import get

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from firsttoken.call import Call
    from firsttoken.stream import Reading

#: A read that took longer than this waited for the network; a shorter one may have found its bytes already there.
#: Reading bytes that are there was measured at up to 0.1 ms, in asyncio 0.55 ms.
WAITED_S = 0.001
#: An arrival is known when the application held the stream for less than this since it last waited for it.
EXACT_S = 0.002
#: A body that is not a stream is kept for its usage up to this many bytes.
LARGEST_BODY = 16_000_000


def observe(response: Any, call: Call, reading: Reading) -> None:
    """Puts a watched byte stream in the place of the response's own, of the same kinds (sync, async or both)."""
    inner = response.stream
    kinds = _kinds(type(response).__module__.partition(".")[0])
    if kinds is None:
        return
    sync_kind, async_kind, both = kinds
    is_sync, is_async = isinstance(inner, sync_kind.__bases__[1]), isinstance(inner, async_kind.__bases__[1])
    if is_sync or is_async:
        kind = both if is_sync and is_async else sync_kind if is_sync else async_kind
        headers = response.headers
        scanner = Scanner(call, reading, headers.get("content-encoding"), str(headers.get("content-type", "")))
        response.stream = kind(inner, call, reading, scanner, response.extensions.get("network_stream"))


class Scanner:
    """Reads usage, first token and the end out of a body's bytes, for a call that nobody parses."""

    def __init__(self, call: Call, reading: Reading, encoding: str | None, content_type: str) -> None:
        self._call = call
        self._reading = reading
        self._is_sse = content_type.startswith("text/event-stream")
        self._frames = Frames() if content_type.startswith(AWS_FRAMES) else None
        self._inflate = None if encoding in {None, "", "identity"} else _decoder(encoding)
        self._readable = encoding in {None, "", "identity"} or self._inflate is not None
        self._rest = b""
        self._parts: list[bytes] = []
        self._size = 0
        self._event = ""

    def feed(self, chunk: bytes) -> None:
        """A chunk as it came from the network, compressed or not."""
        if not self._readable:
            return
        data = self._inflate.decompress(chunk) if self._inflate is not None else chunk
        if self._is_sse:
            self._lines(data)
        elif self._frames is not None:
            for event in self._frames.feed(data):
                self._reading.note(json.loads(event), self._call.answer)
        elif self._size <= LARGEST_BODY:
            self._parts.append(data)
            self._size += len(data)

    def end(self) -> None:
        """The body is read: a whole Message, where it was one."""
        if not self._readable or not self._parts or self._size > LARGEST_BODY:
            return  # a stream's bytes are not kept
        message = json.loads(b"".join(self._parts))
        if get(message, "type") == "message":
            self._call.answer.read_message(message)

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
            self._reading.note(json.loads(data), call.answer)


def _decoder(encoding: str | None) -> Any:
    if encoding == "gzip":
        return zlib.decompressobj(zlib.MAX_WBITS | 16)
    return zlib.decompressobj() if encoding == "deflate" else None


class _Observed:
    """What the sync and the async byte stream have in common."""

    def __init__(self, inner: Any, call: Call, reading: Reading, scanner: Scanner, network: Any) -> None:
        self._inner = inner
        self._network = network
        self._call = call
        self._reading = reading
        self._scanner = scanner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def _begin(self) -> Callable[[bytes], None] | None:
        """What to do with a chunk that nobody parses; None where the SDK does."""
        if self._reading.parser is not None:
            return None
        self._reading.held = perf_counter() - self._reading.waiting_since
        return self._scanner.feed

    def _is_here(self) -> bool:
        """Whether bytes wait in the socket. Then a long read waited for the machine and not for the network."""
        return bool(self._network.get_extra_info("is_readable")) if self._network is not None else False

    def _ended(self, error: BaseException | None, parsed: bool) -> None:  # noqa: FBT001
        """The body was read to its end, or reading it failed; where the SDK parses, it tells better itself."""
        if not parsed:
            if error is None:
                guarded("a response's body", self._scanner.end)
            self._call.stream_ended(error, error is None)

    def _closed(self) -> None:
        if not self._reading.parsing:
            self._call.stream_ended(None, False)

    def __del__(self) -> None:
        guarded("a dropped response", self._closed)


class _SyncBody(_Observed):
    def __iter__(self) -> Iterator[bytes]:
        reading, clock = self._reading, perf_counter
        scan = guarded("a response's bytes", self._begin)
        asked = clock()
        unread = asked - reading.silent_until
        late = unread > EXACT_S and guarded("a response's bytes", self._is_here)
        try:
            for chunk in self._inner:
                now = clock()
                if now - asked > WAITED_S and not late:
                    unread = 0.0
                reading.arrival = now if unread < EXACT_S else -now
                if scan is not None:
                    guarded("a response's bytes", scan, chunk)
                yield chunk
                asked = clock()
                unread += asked - now
                late = unread > EXACT_S and guarded("a response's bytes", self._is_here)
                if scan is not None:
                    reading.held += asked - now
        except GeneratorExit:
            raise
        except BaseException as error:
            guarded("a response's end", self._ended, error, scan is None)
            raise
        guarded("a response's end", self._ended, None, scan is None)

    def close(self) -> None:
        guarded("a closed response", self._closed)
        self._inner.close()


class _AsyncBody(_Observed):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        reading, clock = self._reading, perf_counter
        scan = guarded("a response's bytes", self._begin)
        chunks = self._inner.__aiter__()
        asked = clock()
        unread = asked - reading.silent_until
        try:
            async for chunk in chunks:
                now = clock()
                if now - asked > WAITED_S:
                    unread = 0.0
                reading.arrival = now if unread < EXACT_S else -now
                if scan is not None:
                    guarded("a response's bytes", scan, chunk)
                yield chunk
                asked = clock()
                unread += asked - now
                if scan is not None:
                    reading.held += asked - now
        except GeneratorExit:
            raise
        except BaseException as error:
            guarded("a response's end", self._ended, error, scan is None)
            raise
        finally:
            # In the task that read it: the event loop would close it later, in a task of its own. A loop that ends
            # closes all generators at once: then this one is closed already, and would say so.
            aclose = getattr(chunks, "aclose", None)
            if aclose is not None and not getattr(chunks, "ag_running", False):
                await aclose()
        guarded("a response's end", self._ended, None, scan is None)

    async def aclose(self) -> None:
        guarded("a closed response", self._closed)
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
