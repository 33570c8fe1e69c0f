"""Taking a file of OTLP apart into pieces that can be decoded one by one.

Four forms are told apart by their first bytes: a collector's JSON lines, one JSON document, one protobuf message
(`TracesData`), and a collector's protobuf file, in which each message has its length before it. Any may be gzipped.
"""

from __future__ import annotations

import gzip
import io
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from firsttoken_dashboard.options import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Bytes of one piece: a line, a document or a message. A collector writes one per batch, some megabytes.
MAX_PIECE: Final = 512 * 1024 * 1024

_GZIP: Final = b"\x1f\x8b"
_ZSTANDARD: Final = b"\x28\xb5\x2f\xfd"
_OBJECT: Final = b"{"
#: Field 1, length-delimited: how each `TracesData` with something in it begins.
_RESOURCE_SPANS: Final = b"\x0a"
_LENGTH: Final = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Piece:
    """Some bytes of one encoding, and where in the file they stand, for messages."""

    data: bytes
    encoding: Literal["json", "protobuf"]
    place: str


def pieces(file: io.BufferedReader, name: str) -> Iterator[Piece]:
    """Read a file piece by piece; blank lines are passed over.

    Raises:
        CommandError: the file is cut off, has a piece over the limit, or is packed in a way that is not understood.
    """
    head = file.peek(4)
    if head.startswith(_ZSTANDARD):
        raise CommandError(f"{name} is packed with Zstandard; unpack it first: zstd -d {name}")
    if not head.startswith(_GZIP):
        yield from _unpacked(file, name)
        return
    try:
        with gzip.GzipFile(fileobj=file) as packed:
            yield from _unpacked(io.BufferedReader(packed), name)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise CommandError(f"{name} cannot be unpacked ({error}); what came before that is stored.") from None


def _unpacked(file: io.BufferedReader, name: str) -> Iterator[Piece]:
    head = file.peek(1)
    if head.startswith(_OBJECT):
        yield from _json(file, name)
    elif head.startswith(_RESOURCE_SPANS):
        yield Piece(_rest(file, name), "protobuf", "the message")
    else:
        yield from _messages(file, name)


def _json(file: io.BufferedReader, name: str) -> Iterator[Piece]:
    line = file.readline(MAX_PIECE)
    if not line.rstrip().endswith(b"}"):
        # No whole object: one document over many lines.
        yield Piece(line + _rest(file, name), "json", "the document")
        return
    number = 1
    while line:
        if len(line) == MAX_PIECE:
            raise CommandError(f"line {number} of {name} is over {MAX_PIECE} bytes; what came before it is stored.")
        if not line.isspace():
            yield Piece(line, "json", f"line {number}")
        number, line = number + 1, file.readline(MAX_PIECE)


def _messages(file: io.BufferedReader, name: str) -> Iterator[Piece]:
    number = 1
    while prefix := file.read(_LENGTH.size):
        length = _LENGTH.unpack(prefix)[0] if len(prefix) == _LENGTH.size else MAX_PIECE + 1
        if length > MAX_PIECE:
            raise CommandError(f"{name} is neither OTLP JSON nor OTLP protobuf (at message {number}).")
        data = file.read(length)
        if len(data) < length:
            raise CommandError(f"{name} ends within message {number}; what came before it is stored.")
        yield Piece(data, "protobuf", f"message {number}")
        number += 1


def _rest(file: io.BufferedReader, name: str) -> bytes:
    data = file.read(MAX_PIECE + 1)
    if len(data) > MAX_PIECE:
        raise CommandError(f"{name} is one piece of over {MAX_PIECE} bytes; split it.")
    return data
