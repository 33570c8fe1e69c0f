"""Decoding for `firsttoken import`, in processes beside the one that writes the tables.

Decoding and filtering are Python's work, and an interpreter does one thing at a time. Processes of their own use every
core, and what they decoded is durable beside the store when they are done: only counts come back.
"""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

from firsttoken import store as stores
from firsttoken_dashboard.receive import otlp_json
from firsttoken_dashboard.receive.decoded import Decoded, UndecodableError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future
    from multiprocessing.connection import Connection
    from pathlib import Path

    from firsttoken.store import Store
    from firsttoken_dashboard.receive.pieces import Piece

#: Spans of one segment, or bytes of them.
_BATCH: Final = 10_000
_BATCH_BYTES: Final = 16 * 2**20
#: More processes than these decode faster than the tables are written.
_MOST: Final = 4


@dataclass(slots=True)
class Tally:
    """What came of some pieces."""

    spans: int = 0
    pieces: int = 0
    undecodable: int = 0
    first_undecodable: str = ""
    refused: Counter[str] = field(default_factory=Counter[str])

    def add(self, other: Tally) -> None:
        """Count in what came of the pieces after these."""
        self.spans += other.spans
        self.pieces += other.pieces
        self.undecodable += other.undecodable
        self.first_undecodable = self.first_undecodable or other.first_undecodable
        self.refused.update(other.refused)


def lay(store: Path, pieces: Sequence[Piece]) -> Tally:
    """Decode pieces and make their spans durable beside the store. Raises StoreError."""
    opened = stores.open(store)
    tally = Tally(pieces=len(pieces))
    decoded, size = Decoded(), 0
    for piece in pieces:
        before = len(decoded.spans)
        try:
            _decode(piece, decoded)
        except UndecodableError as error:
            tally.undecodable += 1
            tally.first_undecodable = tally.first_undecodable or f"{piece.place}: {error}"
        size += sum(map(len, decoded.spans.lines[before:]))
        if len(decoded.spans) >= _BATCH or size >= _BATCH_BYTES:
            _lay(opened, decoded, tally)
            decoded, size = Decoded(), 0
    _lay(opened, decoded, tally)
    return tally


class DecoderEndedError(Exception):
    """A process that decodes is gone, with what it was given."""


class Decoders:
    """Processes for `lay`, started when they are needed, each at a pipe of its own.

    Not a ProcessPoolExecutor: its processes share a queue, and when one of them is killed, whoever writes a piece into
    that queue may do so for ever (seen in Python 3.10).
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(count(), "firsttoken-decoder")
        self._started: list[_Decoder] = []
        self._idle: SimpleQueue[_Decoder] = SimpleQueue()

    def submit(self, store: Path, pieces: Sequence[Piece]) -> Future[Tally]:
        """Have `lay` done by one of them; the future may also fail with DecoderEndedError."""
        if self._idle.empty() and len(self._started) < count():
            self._started.append(_Decoder())
            self._idle.put(self._started[-1])
        return self._threads.submit(self._lay, store, pieces)

    def close(self) -> None:
        """Wait for what they are doing, and end them; what has not begun is not done."""
        self._threads.shutdown(cancel_futures=True)
        for decoder in self._started:
            decoder.end()

    def _lay(self, store: Path, pieces: Sequence[Piece]) -> Tally:
        decoder = self._idle.get()
        try:
            return decoder.lay(store, pieces)
        finally:
            self._idle.put(decoder)


class _Decoder:
    """One process, and this end of its pipe."""

    def __init__(self) -> None:
        # Not forked: this process has threads, and DuckDB in them.
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()  # so that a pipe ends with its process

    def lay(self, store: Path, pieces: Sequence[Piece]) -> Tally:
        try:
            self._pipe.send((store, pieces))
            answer: Tally | Exception = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise DecoderEndedError from error
        if isinstance(answer, Exception):
            raise answer
        return answer

    def end(self) -> None:
        self._pipe.close()
        self._process.join()


def count() -> int:
    """How many processes there are."""
    return min(os.cpu_count() or 1, _MOST)


def _serve(pipe: Connection) -> None:
    """Lay what comes through the pipe, until whoever holds its other end closes it or is gone."""
    # What is decoded holds no cycles, and to look for some takes a tenth of the time.
    gc.disable()
    # Ctrl-C reaches every process of a terminal; the one that was started says what to do.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(EOFError, OSError):
        while True:
            store, pieces = pipe.recv()
            try:
                answer: Tally | Exception = lay(store, pieces)
            except Exception as error:  # noqa: BLE001 - raised where the piece came from
                answer = error
            pipe.send(answer)


def _lay(store: Store, decoded: Decoded, tally: Tally) -> None:
    if len(decoded.spans):
        store.lay_beside(decoded.spans)
    tally.spans += len(decoded.spans)
    tally.refused.update(decoded.refused)


def _decode(piece: Piece, decoded: Decoded) -> None:
    if piece.encoding == "json":
        otlp_json.decode(piece.data, decoded)
        return
    # JSON is what a plain install reads; protobuf comes with the extra.
    from firsttoken_dashboard.receive import otlp_protobuf

    otlp_protobuf.decode(piece.data, decoded)
