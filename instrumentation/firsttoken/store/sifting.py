"""Which lines of a segment can be stored, where DuckDB refuses the whole? Found by halving; the rest is kept apart."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from . import transfer
from .batch import SpanBatch

if TYPE_CHECKING:
    import duckdb

#: Pieces of one segment that may fail; after that the rest of it is refused.
_FAILURES: Final = 32


def refusals() -> tuple[type[Exception], ...]:
    """What is raised for spans that cannot be stored however often it is tried."""
    import duckdb

    return duckdb.DataError, duckdb.ProgrammingError, duckdb.IntegrityError


def failure() -> type[Exception]:
    """What is raised where DuckDB itself is at fault; the connection is of no use afterwards.

    Not its FatalException: a full disk is one too, and has nothing to do with what was to be written.
    """
    import duckdb

    return duckdb.InternalException


def write(connection: duckdb.DuckDBPyConnection, segments: Sequence[Path]) -> None:
    """Writes segments, of which there is at least one, to the attached store in one transaction."""
    import duckdb

    transfer.load(connection, segments)
    connection.begin()
    try:
        transfer.store(connection)
        connection.commit()
    except BaseException:
        # A connection that DuckDB gave up has nothing to roll back, and would hide why.
        with contextlib.suppress(duckdb.Error):
            connection.rollback()
        raise


class Sieve:
    """Goes through segments one by one.

    Args:
        connection: the store is attached to it.
        renewed: gives another one, for after a failure.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, renewed: Callable[[], duckdb.DuckDBPyConnection]) -> None:
        #: The one to go on with.
        self.connection = connection
        self._renewed = renewed

    def sift(self, segment: Path) -> None:
        """Writes the lines that can be stored; keeps the others in a file beside the segment, and counts them."""
        refused: list[bytes] = []
        pieces = [segment.read_bytes().splitlines(keepends=True)]
        scratch = segment.with_suffix(".part")
        failed = 0
        while pieces:
            piece = pieces.pop()
            if self._stored(scratch, piece):
                continue
            failed += 1
            if len(piece) == 1 or failed > _FAILURES:
                refused += piece
            else:
                middle = len(piece) // 2
                pieces += [piece[middle:], piece[:middle]]
        scratch.unlink(missing_ok=True)
        if refused:
            segment.with_suffix(".refused").write_bytes(b"".join(refused))
            transfer.count_drop(self.connection, len(refused), "refused by the store")

    def _stored(self, scratch: Path, lines: Sequence[bytes]) -> bool:
        scratch.write_bytes(b"".join(lines))
        try:
            write(self.connection, [scratch])
        except refusals():
            return False
        except failure():
            self.connection = self._renewed()
            self._try_another(scratch)
            return False
        return True

    def _try_another(self, scratch: Path) -> None:
        """Raises what DuckDB does where it fails at any span: then it is the file, and what waits goes on waiting."""
        sound = SpanBatch(keep_content=False)
        sound.add(
            trace_id="0" * 32,
            span_id="0" * 16,
            parent_span_id=None,
            name="chat",
            kind="CLIENT",
            start_time=0,
            end_time=0,
            status_code="UNSET",
            status_message=None,
            scope_name=None,
            scope_version=None,
            resource={},
            attributes={"gen_ai.operation.name": "chat"},
        )
        scratch.write_text(sound.lines[0] + "\n", encoding="utf-8")
        transfer.load(self.connection, [scratch])
        self.connection.begin()
        transfer.store(self.connection)
        self.connection.rollback()
