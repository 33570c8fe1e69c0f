"""Reading a request's body within bounds of size and time, and unpacking it."""

from __future__ import annotations

import asyncio
import zlib
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from starlette.requests import Request

#: Bytes of one request after decompression; what OpenTelemetry recommends.
MAX_BODY: Final = 64 * 1024 * 1024
#: Seconds in which a body must have come in.
MAX_SECONDS: Final = 30.0

_GZIP: Final = 16 + zlib.MAX_WBITS


class TooLargeError(Exception):
    """The body is over `MAX_BODY`, or becomes so when unpacked."""


class CorruptError(Exception):
    """The body is not compressed as its Content-Encoding says."""


class UnknownEncodingError(Exception):
    """The Content-Encoding is none that is understood."""


class _Unpacker(Protocol):
    def add(self, chunk: bytes, /) -> None: ...
    def finish(self) -> bytes: ...


async def read(request: Request) -> bytes:
    """Return the body, unpacked.

    Raises:
        TooLargeError: it is over the limit; noticed while it comes in, so that a bomb is never held in memory.
        CorruptError: it cannot be unpacked.
        UnknownEncodingError: it is packed in a way that is not understood.
        TimeoutError: it did not come in within `MAX_SECONDS`.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding in {"identity", ""}:
        unpacker: _Unpacker = _Plain()
    elif encoding in {"gzip", "x-gzip"}:
        unpacker = _Inflating(_GZIP)
    elif encoding == "deflate":
        unpacker = _Inflating(zlib.MAX_WBITS)
    else:
        raise UnknownEncodingError(encoding)
    try:
        await asyncio.wait_for(_pour(request, unpacker), MAX_SECONDS)
    except asyncio.TimeoutError:
        raise TimeoutError from None  # they became the same class in Python 3.11
    return unpacker.finish()


async def _pour(request: Request, unpacker: _Unpacker) -> None:
    async for chunk in request.stream():
        unpacker.add(chunk)


class _Plain:
    def __init__(self) -> None:
        self._taken = bytearray()

    def add(self, chunk: bytes) -> None:
        if len(self._taken) + len(chunk) > MAX_BODY:
            raise TooLargeError
        self._taken += chunk

    def finish(self) -> bytes:
        return bytes(self._taken)


class _Inflating:
    """Inflates what comes in; a gzip body may have several members."""

    def __init__(self, window_bits: int) -> None:
        self._window_bits = window_bits
        self._inflater = zlib.decompressobj(window_bits)
        self._taken = bytearray()

    def add(self, chunk: bytes) -> None:
        try:
            while chunk:
                if self._inflater.eof:
                    self._inflater = zlib.decompressobj(self._window_bits)
                self._taken += self._inflater.decompress(chunk, MAX_BODY + 1 - len(self._taken))
                if len(self._taken) > MAX_BODY:
                    raise TooLargeError
                chunk = self._inflater.unconsumed_tail or self._inflater.unused_data
        except zlib.error as error:
            raise CorruptError(str(error)) from None

    def finish(self) -> bytes:
        if not self._inflater.eof:
            raise CorruptError("it ends in the middle")
        return bytes(self._taken)
