"""The filtered calls as a file: CSV for a spreadsheet, in which no value is a formula, or Parquet, as they are.

Each has an address of its own, for as long as the command runs. Streamlit's download buttons are new ones in each
drawing, and forget the one before: while a page is live, a click in between found no file any more.
"""

from __future__ import annotations

import csv
import hmac
import importlib
import io
import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from firsttoken.store import StoreError
from firsttoken_dashboard.analysis import Window, calls
from firsttoken_dashboard.analysis.calls import Filter, Listed
from firsttoken_dashboard.app import reading
from firsttoken_dashboard.app.reading import Reader

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

#: A file holds no more calls than this: it is made in memory.
MOST: Final = 100_000
#: What a spreadsheet takes for the beginning of a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
NAMES: Final = tuple(field.name for field in fields(Listed))
PATH: Final = "/files/{ticket}/{name}"
_MOST_OFFERED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which calls, in which order."""

    window: Window
    chosen: Filter
    order: str
    descending: bool


#: By ticket, the latest last.
_offered: Final[OrderedDict[str, Wanted]] = OrderedDict()
_key: Final = secrets.token_bytes(32)


def address(wanted: Wanted, name: str) -> str:
    """Where these calls can be had as the file of that name; the same each time, and known only to who is told it."""
    ticket = hmac.digest(_key, repr(wanted).encode(), "sha256").hex()
    _offered[ticket] = wanted
    _offered.move_to_end(ticket)
    if len(_offered) > _MOST_OFFERED:
        _offered.popitem(last=False)
    return PATH.format(ticket=ticket, name=name)


def answer(request: Request) -> Response:
    """The file at an address."""
    from starlette.responses import PlainTextResponse, Response

    name = request.path_params["name"]
    wanted, kind = _offered.get(request.path_params["ticket"]), _KINDS.get(name)
    if wanted is None or kind is None:
        return PlainTextResponse("There is no such file; open the page again.", 404)
    make, media_type = kind
    try:
        made = make(wanted.window, wanted.chosen, wanted.order, descending=wanted.descending)
    except StoreError as error:
        return PlainTextResponse(str(error), 503)
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return Response(made, media_type=media_type, headers=headers)


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


#: By the file's name: what makes it, and what it is.
_KINDS: Final[dict[str, tuple[Callable[..., bytes], str]]] = {
    "calls.csv": (as_csv, "text/csv"),
    "calls.parquet": (as_parquet, "application/vnd.apache.parquet"),
}
