"""Moves a batch's columns from Python into a DuckDB connection, and from there into the tables.

Values stand in the text of the statements wherever that can be: to bind any parameter, DuckDB before 2.0 imports
pandas, numpy and pyarrow where they are installed, for a second or more, into an application that may never use them.
"""

from __future__ import annotations

import json
import sys
from array import array
from datetime import datetime, timezone
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, cast

from .batch import COLUMNS, LATEST, TIME_COLUMNS, SpanBatch
from .schema import sql

if TYPE_CHECKING:
    import duckdb

_HOUR_NS: Final = 3600 * 10**9
#: The first major version of DuckDB that imports nothing to bind a parameter.
_BINDS_ALONE: Final = 2

#: The temporary table that a batch goes through, in the shape of `spans`.
_INCOMING: Final = "CREATE OR REPLACE TEMP TABLE incoming AS "

_FROM_LISTS: Final = _INCOMING + "SELECT {} ".format(
    ", ".join(
        f"make_timestamp_ns(unnest(${place}::BIGINT[])) AS {name}"
        if name in TIME_COLUMNS
        else f"unnest(${place}::VARCHAR[]) AS {name}"
        for place, name in enumerate(COLUMNS, start=1)
    )
)
_FROM_TEXT: Final = _INCOMING + "SELECT {} FROM (SELECT from_json('$batch', '{}') AS batch)".format(  # noqa: S608 - names of our own
    ", ".join(
        f"make_timestamp_ns(unnest(batch.{name})) AS {name}"
        if name in TIME_COLUMNS
        else f"unnest(batch.{name}) AS {name}"
        for name in COLUMNS
    ),
    json.dumps({name: ["BIGINT" if name in TIME_COLUMNS else "VARCHAR"] for name in COLUMNS}),
)
_FROM_ARROW: Final = _INCOMING + "SELECT {} FROM columns_of_batch".format(  # noqa: S608 - names of our own
    ", ".join(f"make_timestamp_ns({name}) AS {name}" if name in TIME_COLUMNS else name for name in COLUMNS)
)


_DELETE_TOUCHED: Final = """
    DELETE FROM calls USING touched
    WHERE calls.trace_id = touched.trace_id
        AND calls.span_id = touched.span_id
        AND calls.start_time = touched.start_time
"""


def load(connection: duckdb.DuckDBPyConnection, batch: SpanBatch) -> None:
    """Puts `batch` into the temporary table `incoming` of `connection`.

    Through pyarrow where the process has it loaded already (6 µs a span against 7 to 15 µs through lists, 30 µs through
    text); it is never loaded for this, because that takes longer than an application's batch.
    """
    import duckdb

    if "pyarrow" in sys.modules:
        connection.register("columns_of_batch", _arrow_table(batch))
        try:
            connection.execute(_FROM_ARROW)
        finally:
            connection.unregister("columns_of_batch")
    elif int(duckdb.__version__.partition(".")[0]) >= _BINDS_ALONE:
        connection.execute(_FROM_LISTS, list(batch.columns))
    else:
        text = json.dumps(dict(zip(COLUMNS, batch.columns, strict=True)), separators=(",", ":"))
        connection.execute(_FROM_TEXT.replace("$batch", text.replace("'", "''")))


def store_incoming(connection: duckdb.DuckDBPyConnection) -> int:
    """Moves the new spans of `incoming` into `spans` and derives their calls; gives the number of new spans.

    Belongs in one transaction, so that spans and calls never disagree.
    """
    first, last = _bounds(connection, "incoming")
    connection.execute("CREATE OR REPLACE TEMP TABLE derive_from AS " + _within("new_spans.sql", first, last))
    row = connection.execute("INSERT INTO spans BY NAME SELECT * FROM derive_from").fetchone()
    new = int(row[0]) if row else 0
    if new:
        derive(connection)
    return new


def derive(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes the calls of the spans in `derive_from` anew, together with the stored calls that those spans touch."""
    calls = "CREATE OR REPLACE TEMP TABLE derived AS " + sql("calls.sql")
    first, last = _bounds(connection, "derive_from")
    first, last = first - _HOUR_NS, last + _HOUR_NS
    connection.execute(calls)
    connection.execute("CREATE OR REPLACE TEMP TABLE touched AS " + _within("touched.sql", first, last))
    if connection.execute("SELECT 1 FROM touched LIMIT 1").fetchone() is not None:
        connection.execute("INSERT INTO derive_from BY NAME " + _within("touched_spans.sql", first, last))
        connection.execute(_DELETE_TOUCHED)
        connection.execute(calls)
    connection.execute("INSERT INTO calls BY NAME SELECT * FROM derived")


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
    return sql(name).replace("$since", f"'{_timestamp(first)}'").replace("$until", f"'{_timestamp(last)}'")


def _timestamp(nanoseconds: int) -> str:
    seconds, fraction = divmod(min(max(nanoseconds, 0), LATEST), 10**9)
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%d %H:%M:%S}.{fraction:09}"


def _arrow_table(batch: SpanBatch) -> Any:
    """The batch as a pyarrow table, from buffers: `pyarrow.array(list)` imports pandas (1.5 s) where there is one."""
    pa: Any = sys.modules["pyarrow"]

    arrays: list[Any] = []
    for name, column in zip(COLUMNS, batch.columns, strict=True):
        if name in TIME_COLUMNS:
            arrays.append(pa.Array.from_buffers(pa.int64(), len(column), [None, pa.py_buffer(array("q", column))]))
        else:
            arrays.append(_text_array(pa, cast("list[str | None]", column)))
    return pa.Table.from_arrays(arrays, names=list(COLUMNS))


def _text_array(pa: Any, column: list[str | None]) -> Any:
    data = [b"" if text is None else text.encode() for text in column]
    offsets = array("q", accumulate(map(len, data), initial=0))
    validity = None
    if None in column:
        bits = bytearray((len(column) + 7) // 8)
        for place, text in enumerate(column):
            if text is not None:
                bits[place >> 3] |= 1 << (place & 7)
        validity = pa.py_buffer(bits)
    return pa.Array.from_buffers(
        pa.large_string(), len(column), [validity, pa.py_buffer(offsets), pa.py_buffer(b"".join(data))]
    )
