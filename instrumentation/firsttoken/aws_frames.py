"""AWS's event-stream framing, in which Bedrock sends a stream, for bodies that the application reads raw.

A message is a prelude (total length, length of the headers, checksum), headers, a payload and a checksum; a payload is
`{"bytes": …}` with one event of the API in base64. Exceptions of Bedrock's own have no `bytes`.
"""

from __future__ import annotations

import base64
import json
import struct
from typing import TYPE_CHECKING

from firsttoken.response import get

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTENT_TYPE = "application/vnd.amazon.eventstream"

_PRELUDE = struct.Struct("!II4x")
_CHECKSUM = 4


class Frames:
    """Cuts bytes as they come into the API's events. Raises where they are no such frames."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The events that `data` completes, as JSON."""
        rest, at = self._rest + data, 0
        while len(rest) - at >= _PRELUDE.size:
            total, headers = _PRELUDE.unpack_from(rest, at)
            if total < _PRELUDE.size + headers + _CHECKSUM:
                raise ValueError("not a message of AWS's event stream")
            if len(rest) - at < total:
                break
            event = get(json.loads(rest[at + _PRELUDE.size + headers : at + total - _CHECKSUM]), "bytes")
            at += total
            if isinstance(event, str):
                yield base64.b64decode(event)
        self._rest = rest[at:]
