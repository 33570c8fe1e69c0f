"""`firsttoken import`: files of spans into the store.

A file may be imported twice, or while it is still written: spans that are stored already are dropped.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

from firsttoken.store import StoreBusy, outbox
from firsttoken_dashboard import import_decoding, options
from firsttoken_dashboard.receive.pieces import pieces

if TYPE_CHECKING:
    import argparse
    import io

    from firsttoken.store import Store
    from firsttoken_dashboard.receive.pieces import Piece

#: Bytes of pieces that are decoded together, some thousands of spans; and of those that no other process is given.
_GROUP_BYTES: Final = 12 * 2**20
_LARGE: Final = 32 * 2**20
#: How many bytes of lines a byte of pieces comes to at most: protobuf half as much again, JSON less than it was.
_GROWTH: Final = 2
#: Seconds to wait for other writers: an import has time.
PATIENCE_S: Final = 30.0
#: Part of the outbox's bound that is taken into the tables at once, some 30,000 spans (a transaction costs some 80 ms
#: however small), and the part that an import may take before it waits for that.
_MERGED_AT_ONCE: Final = 0.15
_MOST_BESIDE: Final = 0.4
#: The same of what lies there and what is being decoded: beyond the bound the oldest spans would go.
_MOST_SOON: Final = 0.9
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
    # One thread writes tables while others decode; with more it takes the cores from them.
    store = options.open_store(args, threads=1)
    # What is decoded holds no cycles, and to look for some takes a tenth of the time.
    gc.disable()
    # The merger is one thread: DuckDB keeps memory for every thread that it ever worked in.
    decoders, merger = import_decoding.Decoders(), ThreadPoolExecutor(1, "firsttoken-merger")
    try:
        for name in args.files:
            _import(_Import(store, decoders, merger), name)
    except import_decoding.DecoderEndedError:
        raise options.CommandError(
            "a process that decodes was ended from outside; import again: what is stored already is not added twice."
        ) from None
    finally:
        decoders.close()
        merger.shutdown(cancel_futures=True)
        gc.enable()
    return 0


def _import(importing: _Import, name: str) -> None:
    if name != "-" and Path(name).is_dir():
        raise options.CommandError(f"{name} is a directory; name its files.")
    with open(0 if name == "-" else name, "rb", closefd=name != "-") as file:
        _pour(importing, file, name)
    tally = importing.tally
    if tally.undecodable and tally.undecodable == tally.pieces:
        raise options.CommandError(f"{name} holds no OTLP: {tally.first_undecodable}.")
    print(f"{name}: {tally.spans:,} spans")
    for reason, count in sorted(tally.refused.items()):
        print(f"{name}: {count:,} spans left out: {reason}", file=sys.stderr)
    if tally.undecodable:
        sentence = f"{tally.undecodable:,} of {tally.pieces:,} lines left out, the first: {tally.first_undecodable}"
        print(f"{name}: {sentence}", file=sys.stderr)


def _pour(importing: _Import, file: io.BufferedReader, name: str) -> None:
    progress = _Progress(name, file)
    group: list[Piece] = []
    size = 0
    try:
        for piece in pieces(file, name):
            group.append(piece)
            size += len(piece.data)
            if size >= _GROUP_BYTES:
                importing.add(group)
                group, size = [], 0
                progress.show(importing.tally.spans)
    finally:
        # Also when the file turns out to be cut off: what came before is stored, as the error then says.
        try:
            importing.finish(group)
        finally:
            progress.clear()


class _Import:
    """One file on its way: pieces are decoded and laid beside the store, and taken into the tables meanwhile.

    Args:
        store: the store.
        decoders: for decoding; a file that is one group of pieces at most starts none of them.
        merger: a thread for the tables.
    """

    def __init__(self, store: Store, decoders: import_decoding.Decoders, merger: ThreadPoolExecutor) -> None:
        self.tally = import_decoding.Tally()
        self._store = store
        self._decoders = decoders
        self._merger = merger
        #: What is being decoded, with its bytes.
        self._laying: deque[tuple[Future[import_decoding.Tally], int]] = deque()
        self._merging: Future[bool] | None = None

    def add(self, group: list[Piece]) -> None:
        """Get `group` beside the store soon, and what lies there into the tables.

        Raises:
            StoreError, DecoderEndedError: it cannot be written, or a decoder is gone.
        """
        size = sum(len(piece.data) for piece in group)
        while self._laying and (len(self._laying) > import_decoding.count() or self._soon_beside(size) > _MOST_SOON):
            self._take_tally()
        beside = self._store.outbox_fill()
        if self._merging is not None and (self._merging.done() or beside > _MOST_BESIDE):
            self._until_merged()
        if self._merging is None and beside > _MERGED_AT_ONCE:
            self._merging = self._taking_in()
        if size > _LARGE:
            # As a copy on its way to another process it would need twice the memory.
            self.tally.add(import_decoding.lay(self._store.path, group))
        else:
            self._laying.append((self._decoders.submit(self._store.path, group), size))

    def _soon_beside(self, size: int) -> float:
        """How full the outbox may be once all that is being decoded, and `size` bytes more, lie there."""
        decoding = size + sum(bytes_ for _, bytes_ in self._laying)
        return self._store.outbox_fill() + _GROWTH * decoding / outbox.BOUND

    def finish(self, group: list[Piece]) -> None:
        """Take in the rest, `group` too. Raises StoreError, DecoderEndedError."""
        rest = import_decoding.lay(self._store.path, group)
        while self._laying:
            self._take_tally()
        self.tally.add(rest)
        self._until_merged()
        while self._store.outbox_fill() > 0:
            if not self._taking_in().result():
                raise StoreBusy(
                    f"Others hold {self._store.path}; what was read lies beside it, and whoever reads takes it in."
                )

    def _take_tally(self) -> None:
        self.tally.add(self._laying.popleft()[0].result())

    def _taking_in(self) -> Future[bool]:
        return self._merger.submit(self._store.take_in, patience_s=PATIENCE_S)

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
