"""The filtered calls as a file: CSV for a spreadsheet, in which no value is a formula, or Parquet, as they are."""

from __future__ import annotations

import csv
import importlib
import io
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Final

from firsttoken_dashboard.analysis import Window, calls
from firsttoken_dashboard.analysis.calls import Filter, Listed
from firsttoken_dashboard.app import reading
from firsttoken_dashboard.app.reading import Reader

#: A file holds no more calls than this: it is made in memory.
MOST: Final = 100_000
#: What a spreadsheet takes for the beginning of a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
NAMES: Final = tuple(field.name for field in fields(Listed))


def as_csv(window: Window, chosen: Filter, order: str, *, descending: bool) -> bytes:
    """UTF-8 with a byte order mark, which spreadsheets want. Text that reads as a formula has a quote before it."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(NAMES)
    writer.writerows([_harmless(value) for value in row] for row in _rows(window, chosen, order, descending=descending))
    return file.getvalue().encode("utf-8-sig")


def as_parquet(window: Window, chosen: Filter, order: str, *, descending: bool) -> bytes:
    """The same columns, typed; compressed."""
    arrow: Any = importlib.import_module("pyarrow")  # without types of its own; it comes with Streamlit
    parquet: Any = importlib.import_module("pyarrow.parquet")
    rows = _rows(window, chosen, order, descending=descending)
    columns = {name: [row[index] for row in rows] for index, name in enumerate(NAMES)}
    file = io.BytesIO()
    parquet.write_table(arrow.table(columns), file, compression="zstd")
    return file.getvalue()


def _rows(window: Window, chosen: Filter, order: str, *, descending: bool) -> Sequence[Sequence[Any]]:
    """Raises StoreError."""
    with Reader(reading.opened()) as reader:
        # Not remembered: it is large, and asked for once.
        listed = calls.page(reader.connection(), window, chosen, order=order, descending=descending, size=MOST)
    return [[getattr(one, name) for name in NAMES] for one in listed]


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.lstrip(" ").startswith(_FORMULA) else value
