"""Moves segments from the outbox into a DuckDB connection, and from there into the tables.

DuckDB reads the segments itself (3 µs a span, without the interpreter's lock). Values stand in the text of the
statements: to bind any parameter, DuckDB before 2.0 imports pandas, numpy and pyarrow where they are installed, for a
second or more, into an application that may never use them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .batch import COLUMNS, JSON_COLUMNS, LATEST, TIME_COLUMNS
from .schema import sql

if TYPE_CHECKING:
    import duckdb

#: How far apart two spans of one call begin at most: as long as the SDK waits for an answer.
_APART_NS: Final = 600 * 10**9
#: How far two clocks that agree may be apart. The cost of a small batch grows with the calls of this time.
_ASKEW_NS: Final = 60 * 10**9

_TYPES: Final = ", ".join(
    f"{name}: '{'BIGINT' if name in TIME_COLUMNS else 'JSON' if name in JSON_COLUMNS else 'VARCHAR'}'"
    for name in COLUMNS
)
#: The temporary table that segments go through, in the shape of `spans`.
_READ: Final = "CREATE OR REPLACE TEMP TABLE derive_from AS SELECT {} FROM read_json({{}}, {}, {}, {})".format(  # noqa: S608 - names of our own
    ", ".join(f"make_timestamp_ns({name}) AS {name}" if name in TIME_COLUMNS else name for name in COLUMNS),
    "format = 'newline_delimited'",
    "maximum_object_size = {}",
    f"columns = {{{{{_TYPES}}}}}",
)
#: Bytes that a span's line may have; DuckDB takes twice as much memory for each thread that reads.
_LINE_BYTES: Final = 16 * 2**20


_DELETE_TOUCHED: Final = """
    DELETE FROM calls USING touched
    WHERE calls.trace_id = touched.trace_id
        AND calls.span_id = touched.span_id
        AND calls.start_time = touched.start_time
"""


def load(connection: duckdb.DuckDBPyConnection, segments: Sequence[Path]) -> None:
    """Puts the spans of `segments`, of which there is at least one, into the temporary table `derive_from`."""
    files = ", ".join("'" + str(segment).replace("'", "''") + "'" for segment in segments)
    longest = min(_LINE_BYTES, sum(segment.stat().st_size for segment in segments))
    connection.execute(_READ.format(f"[{files}]", longest))


def store(connection: duckdb.DuckDBPyConnection) -> int:
    """Moves the new spans of `derive_from` into `spans` and derives their calls; gives the number of new spans.

    Belongs in one transaction, so that spans and calls never disagree.
    """
    first, last = _bounds(connection, "derive_from")
    connection.execute("CREATE OR REPLACE TEMP TABLE stale AS " + _within("stale_spans.sql", first, last))
    connection.execute("DELETE FROM derive_from USING stale WHERE derive_from.rowid = stale.place")
    row = connection.execute("INSERT INTO spans BY NAME SELECT * FROM derive_from").fetchone()
    new = int(row[0]) if row else 0
    if new:
        derive(connection)
    return new


def derive(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes the calls of the spans in `derive_from` anew, together with the stored calls that those spans touch."""
    _tell(connection)
    began, _ = _bounds(connection, "derived")
    first, last = _bounds(connection, "derive_from")
    first, last = first - _APART_NS, last + _APART_NS
    touched = _within("touched.sql", first, last).replace("$ended", _literal(began - _ASKEW_NS))
    connection.execute("CREATE OR REPLACE TEMP TABLE touched AS " + touched)
    if connection.execute("SELECT 1 FROM touched LIMIT 1").fetchone() is not None:
        connection.execute("INSERT INTO derive_from BY NAME " + _within("touched_spans.sql", first, last))
        connection.execute(_DELETE_TOUCHED)
        _tell(connection)
    connection.execute("INSERT INTO calls BY NAME SELECT * FROM derived")


def _tell(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes the temporary view `derived`: the calls that the spans in `derive_from` tell of."""
    connection.execute("CREATE OR REPLACE TEMP TABLE facts AS\n" + sql("facts.sql"))
    if connection.execute(sql("alone.sql")).fetchall() == [(True,)]:
        calls = "SELECT * EXCLUDE (trust, first_hand, apart) FROM facts"
    else:
        connection.execute("CREATE OR REPLACE TEMP TABLE joined AS\n" + sql("calls.sql"))
        calls = "FROM joined"
    connection.execute("CREATE OR REPLACE TEMP VIEW derived AS " + calls)


def count_drop(connection: duckdb.DuckDBPyConnection, spans: int, reason: str) -> None:
    """Records that `spans` accepted spans are lost."""
    quoted = reason.replace("'", "''")
    connection.execute(f"INSERT INTO drops VALUES (make_timestamp_ns(epoch_ns(now())), {int(spans)}, '{quoted}')")  # noqa: S608


def _bounds(connection: duckdb.DuckDBPyConnection, table: str) -> tuple[int, int]:
    """First and last start of the spans in a temporary table, in nanoseconds since the epoch; 0, 0 when empty."""
    row = connection.execute(f"SELECT epoch_ns(min(start_time)), epoch_ns(max(start_time)) FROM {table}").fetchone()  # noqa: S608
    return (row[0] or 0, row[1] or 0) if row else (0, 0)


def _within(name: str, first: int, last: int) -> str:
    """The SQL of a file with its $since and $until. As text, because Python's datetime has no nanoseconds."""
    return sql(name).replace("$since", _literal(first)).replace("$until", _literal(last))


def _literal(nanoseconds: int) -> str:
    seconds, fraction = divmod(min(max(nanoseconds, 0), LATEST), 10**9)
    return f"'{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%d %H:%M:%S}.{fraction:09}'"
