"""Decoding for `firsttoken import`, in processes beside the one that writes the tables.

Decoding and filtering are Python's work, and an interpreter does one thing at a time. Processes of their own use every
core, and what they decoded is durable beside the store when they are done: only counts come back.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from firsttoken import store as stores
from firsttoken_dashboard.receive import otlp_json
from firsttoken_dashboard.receive.decoded import Decoded, UndecodableError

if TYPE_CHECKING:
    from collections.abc import Sequence
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


def processes() -> ProcessPoolExecutor:
    """Processes for `lay`; they start with the first piece."""
    # Not forked: this process has threads, and DuckDB in them.
    return ProcessPoolExecutor(count(), multiprocessing.get_context("spawn"), _begin)


def count() -> int:
    """How many processes there are."""
    return min(os.cpu_count() or 1, _MOST)


def _begin() -> None:
    # What is decoded holds no cycles, and to look for some takes a tenth of the time.
    gc.disable()
    # Ctrl-C reaches every process of a terminal; the one that was started says what to do.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Without: a process whose parent was killed waits for its next piece for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


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
