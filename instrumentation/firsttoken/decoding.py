"""From the bytes of an answer to the events or the Message in them.

Bytes are what a response is watched by (`body.py`), however the application reads it, and they are kept until somebody
looks at the call's span: reading them is not for the caller's thread.
"""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any

from firsttoken.aws_frames import CONTENT_TYPE as AWS_FRAMES
from firsttoken.aws_frames import Frames

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SSE = "text/event-stream"
_JSON = "application/json"
_PLAIN = frozenset({None, "", "identity"})


class Decoder:
    """Cuts a body's chunks, as they came from the network, into decoded events.

    `streams`: there are events in it, and not one Message. `searchable`: as text that can be looked through undecoded.
    """

    def __init__(self, content_type: str, inflate: Any) -> None:
        self._is_sse = content_type.startswith(_SSE)
        self.searchable = self._is_sse and inflate is None
        self._frames = Frames() if content_type.startswith(AWS_FRAMES) else None
        self.streams = self._is_sse or self._frames is not None
        self._inflate = inflate
        self._rest = b""
        self._parts: list[bytes] = []

    def feed(self, chunk: bytes) -> Iterator[Any]:
        """What `chunk` completes. Raises ValueError and zlib.error where it is not what its headers say."""
        data = chunk if self._inflate is None else self._inflate.decompress(chunk)
        if self._is_sse:
            *lines, self._rest = (self._rest + data).split(b"\n")
            # What kind of event it is stands in its data, too.
            return (json.loads(line[5:]) for line in lines if line.startswith(b"data:"))
        if self._frames is not None:
            return map(json.loads, self._frames.feed(data))
        self._parts.append(data)
        return iter(())

    def end(self) -> Any:
        """The Message, where the body is one; call it after the last chunk. Raises ValueError for half of one."""
        return json.loads(b"".join(self._parts)) if self._parts else None


def decoder_of(headers: Mapping[str, str]) -> Decoder | None:
    """What reads a body with these headers; None for an encoding or a kind that we cannot read."""
    encoding, content_type = headers.get("content-encoding"), headers.get("content-type", "")
    if not content_type.startswith((_SSE, _JSON, AWS_FRAMES)):
        return None
    if encoding in _PLAIN:
        return Decoder(content_type, None)
    if encoding == "gzip":
        return Decoder(content_type, zlib.decompressobj(zlib.MAX_WBITS | 16))
    return Decoder(content_type, zlib.decompressobj()) if encoding == "deflate" else None
