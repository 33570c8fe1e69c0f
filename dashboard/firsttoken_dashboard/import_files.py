"""`firsttoken import`: files of spans into the store.

A file may be imported twice, or while it is still written: spans that are stored already are dropped.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from firsttoken.store import SpanBatch, StoreBusy
from firsttoken_dashboard import options
from firsttoken_dashboard.receive import otlp_json
from firsttoken_dashboard.receive.decoded import Decoded, UndecodableError
from firsttoken_dashboard.receive.pieces import pieces

if TYPE_CHECKING:
    import argparse
    import io

    from firsttoken.store import Store
    from firsttoken_dashboard.receive.pieces import Piece

#: Spans that are laid beside the store at once, or bytes of them.
BATCH: Final = 10_000
_BATCH_BYTES: Final = 16 * 2**20
#: Seconds to wait for other writers: an import has time.
PATIENCE_S: Final = 30.0
#: Part of the outbox's bound that is taken into the tables at once, some 30,000 spans (a transaction costs some 80 ms
#: however small), and the part that an import may take before it waits for that.
_MERGED_AT_ONCE: Final = 0.15
_MOST_BESIDE: Final = 0.4
#: Seconds between two lines of progress.
_PROGRESS_S: Final = 0.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="a collector's JSON lines, an OTLP JSON document or OTLP protobuf, gzipped or not; - is standard input",
    )
    options.add_store(parser)
    options.add_keep_content(parser)


def run(args: argparse.Namespace) -> int:
    """Import every file; one that is no OTLP at all ends it with a usage error, bad lines are counted and told."""
    options.heed_keep_content(args)
    # One thread writes tables while this one decodes; with more it takes the core from it.
    store = options.open_store(args, threads=1)
    # What is decoded holds no cycles, and to look for some takes a tenth of the time.
    gc.disable()
    try:
        # Of one thread each: DuckDB keeps memory for every thread that it ever worked in.
        with ThreadPoolExecutor(1, "firsttoken-layer") as layer, ThreadPoolExecutor(1, "firsttoken-merger") as merger:
            for name in args.files:
                _import(_Merging(store, layer, merger), name)
    finally:
        gc.enable()
    return 0


@dataclass(slots=True)
class _Tally:
    """What came of one file so far."""

    spans: int = 0
    pieces: int = 0
    undecodable: int = 0
    first_undecodable: str = ""
    refused: Counter[str] = field(default_factory=Counter[str])


def _import(merging: _Merging, name: str) -> None:
    tally = _Tally()
    if name != "-" and Path(name).is_dir():
        raise options.CommandError(f"{name} is a directory; name its files.")
    with open(0 if name == "-" else name, "rb", closefd=name != "-") as file:
        _pour(merging, file, name, tally)
    if tally.undecodable and tally.undecodable == tally.pieces:
        raise options.CommandError(f"{name} holds no OTLP: {tally.first_undecodable}.")
    print(f"{name}: {tally.spans:,} spans")
    for reason, count in sorted(tally.refused.items()):
        print(f"{name}: {count:,} spans left out: {reason}", file=sys.stderr)
    if tally.undecodable:
        sentence = f"{tally.undecodable:,} of {tally.pieces:,} lines left out, the first: {tally.first_undecodable}"
        print(f"{name}: {sentence}", file=sys.stderr)


def _pour(merging: _Merging, file: io.BufferedReader, name: str, tally: _Tally) -> None:
    progress = _Progress(name, file)
    decoded = Decoded()
    size = 0
    try:
        for piece in pieces(file, name):
            before = len(decoded.spans)
            tally.pieces += 1
            try:
                _decode(piece, decoded)
            except UndecodableError as error:
                tally.undecodable += 1
                tally.first_undecodable = tally.first_undecodable or f"{piece.place}: {error}"
            size += sum(map(len, decoded.spans.lines[before:]))
            if len(decoded.spans) >= BATCH or size >= _BATCH_BYTES:
                _lay(merging, decoded, tally)
                decoded, size = Decoded(), 0
                progress.show(tally.spans)
    finally:
        # Also when the file turns out to be cut off: what came before is stored, as the error then says.
        try:
            _lay(merging, decoded, tally)
            merging.finish()
        finally:
            progress.clear()


def _lay(merging: _Merging, decoded: Decoded, tally: _Tally) -> None:
    if len(decoded.spans):
        merging.add(decoded.spans)
    tally.spans += len(decoded.spans)
    tally.refused.update(decoded.refused)


def _decode(piece: Piece, decoded: Decoded) -> None:
    if piece.encoding == "json":
        otlp_json.decode(piece.data, decoded)
        return
    # JSON is what a plain install reads; protobuf comes with the extra.
    from firsttoken_dashboard.receive import otlp_protobuf

    otlp_protobuf.decode(piece.data, decoded)


class _Merging:
    """Lays batches beside the store, and takes them into the tables, in threads while the next ones are decoded.

    Args:
        store: the store.
        layer: a thread.
        merger: another one.
    """

    def __init__(self, store: Store, layer: ThreadPoolExecutor, merger: ThreadPoolExecutor) -> None:
        self._store = store
        self._layer = layer
        self._merger = merger
        self._laying: Future[None] | None = None
        self._merging: Future[bool] | None = None

    def add(self, spans: SpanBatch) -> None:
        """Make `spans` durable soon, and get those before them into the tables. Raises StoreError."""
        self._until_laid()
        beside = self._store.outbox_fill()
        if self._merging is not None and (self._merging.done() or beside > _MOST_BESIDE):
            self._until_merged()
        if self._merging is None and beside > _MERGED_AT_ONCE:
            self._merging = self._taking_in()
        self._laying = self._layer.submit(self._store.lay_beside, spans)

    def finish(self) -> None:
        """Take in the rest. Raises StoreError."""
        self._until_laid()
        self._until_merged()
        while self._store.outbox_fill() > 0:
            if not self._taking_in().result():
                raise StoreBusy(
                    f"Others hold {self._store.path}; what was read lies beside it, and whoever reads takes it in."
                )

    def _taking_in(self) -> Future[bool]:
        return self._merger.submit(self._store.take_in, patience_s=PATIENCE_S)

    def _until_laid(self) -> None:
        laying, self._laying = self._laying, None
        if laying is not None:
            laying.result()

    def _until_merged(self) -> None:
        merging, self._merging = self._merging, None
        if merging is not None:
            merging.result()


class _Progress:
    """One line on a terminal's stderr that is written over; nothing where stderr is no terminal."""

    def __init__(self, name: str, file: io.BufferedReader) -> None:
        self._name = name
        self._descriptor = file.fileno()
        # 0 for a pipe, of which nobody knows how much is to come.
        self._size = os.fstat(self._descriptor).st_size
        self._shown_at = time.monotonic() if sys.stderr.isatty() else None

    def show(self, spans: int) -> None:
        if self._shown_at is None or time.monotonic() - self._shown_at < _PROGRESS_S:
            return
        self._shown_at = time.monotonic()
        part = f"{os.lseek(self._descriptor, 0, os.SEEK_CUR) / self._size:4.0%}  " if self._size else ""
        print(f"\r{self._name}: {part}{spans:,} spans", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        if self._shown_at is not None:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
