"""How long the store keeps what it has: 30 days or 2 GiB, seen to by whoever holds the write lock."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import duckdb

DAYS_VARIABLE: Final = "FIRSTTOKEN_RETENTION_DAYS"
BYTES_VARIABLE: Final = "FIRSTTOKEN_RETENTION_BYTES"
DEFAULT_DAYS: Final = 30.0
DEFAULT_BYTES: Final = 2 * 2**30
#: Whoever says more means for ever; the store's times do not reach much farther back.
_LONGEST_DAYS: Final = 100_000.0
#: Beyond the size, as much is deleted as brings it to this part of it, so that it is not done for every batch.
_AFTERWARDS: Final = 0.9

# "Now" is the newest span that is not in the future: old traces that somebody imports are not deleted on arrival, and
# a span dated 2200 does not delete everything.
_TOO_OLD: Final = """
    DELETE FROM {table}
    WHERE start_time < (
        SELECT max(start_time) FROM spans WHERE start_time <= make_timestamp_ns(epoch_ns(now()))
    ) - to_hours({value})
"""
_OLDEST_PART: Final = """
    DELETE FROM {table}
    WHERE start_time < (SELECT quantile_disc(start_time, {value}) FROM spans)
"""


def retain(connection: duckdb.DuckDBPyConnection, days: float | None = None, size: float | None = None) -> None:
    """Deletes what is older than `days` or beyond `size` bytes. The file gives the space to new spans.

    None takes `FIRSTTOKEN_RETENTION_DAYS` or `FIRSTTOKEN_RETENTION_BYTES`, else 30 days and 2 GiB.
    """
    days = _number(DAYS_VARIABLE, DEFAULT_DAYS) if days is None else days
    size = _number(BYTES_VARIABLE, DEFAULT_BYTES) if size is None else size
    _delete(connection, _TOO_OLD, int(min(days, _LONGEST_DAYS) * 24))
    used = used_bytes(connection)
    if used > size:
        _delete(connection, _OLDEST_PART, 1 - _AFTERWARDS * size / used)


def used_bytes(connection: duckdb.DuckDBPyConnection) -> int:
    """Bytes of the file that hold something; the others wait to be used again."""
    row = connection.execute(
        "SELECT block_size * used_blocks FROM pragma_database_size() WHERE database_name = current_database()"
    ).fetchone()
    return int(row[0]) if row else 0


def _delete(connection: duckdb.DuckDBPyConnection, statement: str, value: float) -> None:
    connection.begin()
    try:
        # Spans last: both statements look at them to know what is old.
        for table in ("calls", "spans"):
            connection.execute(statement.format(table=table, value=value))
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


def _number(variable: str, default: float) -> float:
    try:
        value = float(os.environ[variable])
    except (KeyError, ValueError):
        return default
    return value if value > 0 else default
