"""A response's bytes, watched while they are read: what they were, and when they came.

However an application reads an answer, it reads the response's byte stream. Here a read that waited for the network
can be told from one that found its bytes there; above, where the SDK parses, that is lost. `iter_lines` and
`iter_bytes` never pass the SDK's stream. It is also here that an unread response is seen closed or dropped.

This runs for every chunk that an application reads: it notes bytes and moments, and what they mean is worked out later
(`stream.py`).
"""

from __future__ import annotations

import sys
from functools import lru_cache
from time import perf_counter
from typing import TYPE_CHECKING, Any, cast

from firsttoken.guard import guarded
from firsttoken.stream import EXACT_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from firsttoken.call import Call
    from firsttoken.stream import Reading


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
        response.stream = kind(inner, call, reading, response.extensions.get("network_stream"))
        reading.observed(response.headers)


class _Observed:
    """What the sync and the async byte stream have in common."""

    def __init__(self, inner: Any, call: Call, reading: Reading, network: Any) -> None:
        self._inner = inner
        self._network = network
        self._call = call
        self._reading = reading

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def _asked_late(self) -> None:
        """The application asks for more after it has held the stream for a while.

        Where bytes wait in the socket by now, a long read will have waited for the machine and not for the network.
        """
        if self._network is not None and self._network.get_extra_info("is_readable"):
            self._reading.found_there.add(len(self._reading.came))

    def _ended(self, error: BaseException | None) -> None:
        """The body was read to its end, or reading it failed; where the SDK parses, it tells better itself."""
        if self._reading.parser is None:
            self._call.stream_ended(error, error is None)

    def _closed(self) -> None:
        if not self._reading.parsing:
            self._call.stream_ended(None, False)

    def __del__(self) -> None:
        guarded("a dropped response", self._closed)


class _SyncBody(_Observed):
    def __iter__(self) -> Iterator[bytes]:
        reading, clock = self._reading, perf_counter
        keep = guarded("a response's bytes", reading.keeper) or reading.chunks.append
        came, asked = reading.came.append, reading.asked.append
        now = reading.silent_until
        reading.looks = True
        then = clock()
        try:
            asked(then)
            if then - now > EXACT_S:
                guarded("a response's bytes", self._asked_late)
            for chunk in self._inner:
                now = clock()
                came(now)
                keep(chunk)
                yield chunk
                then = clock()
                asked(then)
                if then - now > EXACT_S:
                    guarded("a response's bytes", self._asked_late)
        except GeneratorExit:
            raise
        except BaseException as error:
            guarded("a response's end", self._ended, error)
            raise
        guarded("a response's end", self._ended, None)

    def close(self) -> None:
        guarded("a closed response", self._closed)
        self._inner.close()


class _AsyncBody(_Observed):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        reading, clock = self._reading, perf_counter
        keep = guarded("a response's bytes", reading.keeper) or reading.chunks.append
        came, asked = reading.came.append, reading.asked.append
        chunks = self._inner.__aiter__()
        try:
            asked(clock())
            async for chunk in chunks:
                came(clock())
                keep(chunk)
                yield chunk
                asked(clock())
        except GeneratorExit:
            raise
        except BaseException as error:
            guarded("a response's end", self._ended, error)
            raise
        finally:
            # In the task that read it: the event loop would close it later, in a task of its own. A loop that ends
            # closes all generators at once: then this one is closed already, and would say so.
            aclose = getattr(chunks, "aclose", None)
            if aclose is not None and not getattr(chunks, "ag_running", False):
                await aclose()
        guarded("a response's end", self._ended, None)

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
