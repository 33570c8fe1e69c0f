"""The questions asked of a store: one `.sql` file each, and beside it the Python that types its answer.

A question reads the relation `calls` (and `spans` where it follows a trace), names its parameters `$since`, `$until`
and `$service` as :class:`Window` has them, and treats NULL as "no bound". Its first line is a comment with the
question and the columns that come back. What two questions share is a file of its own, and stands in them as the line
`-- is <file>.sql`. Nothing here knows of the page, report or rule that asks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import duckdb

__all__ = ["Window", "columns", "rows", "sql"]

#: `$name`, but neither `$1` nor a dollar-quoted string.
_PARAMETER: Final = re.compile(r"\$([a-z_][a-z0-9_]*)\b(?!\$)")
#: The line where another file's text stands.
_IS: Final = re.compile(r"^ *-- is ([a-z_]+)\.sql$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Window:
    """Which calls a question is about: those that started in [since, until), of one service or (None) of all.

    Times may carry a zone; without one they are UTC. None leaves that side open.
    """

    since: datetime | None = None
    until: datetime | None = None
    service: str | None = None

    def parameters(self) -> dict[str, datetime | str | None]:
        """The values of `$since`, `$until` (naive, UTC) and `$service`."""
        return {"since": _naive_utc(self.since), "until": _naive_utc(self.until), "service": self.service}


def _naive_utc(moment: datetime | None) -> datetime | None:
    """DuckDB's TIMESTAMP columns here are UTC without a zone: a zoned parameter would be shifted on comparison."""
    if moment is None or moment.tzinfo is None:
        return moment
    return moment.astimezone(timezone.utc).replace(tzinfo=None)


@cache
def sql(topic: str, package: str = __name__) -> str:
    """The text of `<topic>.sql` in `package` (a dotted name; the analysis package unless said)."""
    text = resources.files(package).joinpath(f"{topic}.sql").read_text(encoding="utf-8")
    return _IS.sub(lambda shared: sql(shared[1], package), text)


@cache
def _parameters_of(topic: str, package: str) -> frozenset[str]:
    """The names a question binds: DuckDB refuses a statement that is given more of them, or fewer."""
    without_comments = re.sub(r"--[^\n]*", "", sql(topic, package))
    return frozenset(_PARAMETER.findall(without_comments))


def _bound(topic: str, package: str, window: Window, given: Mapping[str, Any]) -> dict[str, Any]:
    wanted = _parameters_of(topic, package)
    values: dict[str, Any] = {**window.parameters(), **given}
    if missing := wanted - values.keys():
        raise TypeError(f"{topic}.sql wants a value for {', '.join(sorted(missing))}")
    if unknown := given.keys() - wanted:
        raise TypeError(f"{topic}.sql has no parameter {', '.join(sorted(unknown))}")
    return {name: values[name] for name in wanted}


def rows(
    con: duckdb.DuckDBPyConnection, topic: str, window: Window, *, package: str = __name__, **params: Any
) -> list[tuple[Any, ...]]:
    """Ask `<topic>.sql` of `package` and return every row, columns in the SELECT's order.

    `params` are the question's own parameters; one that it does not have is a TypeError, as is one left out.
    Raises duckdb.Error as DuckDB does.
    """
    return con.execute(sql(topic, package), _bound(topic, package, window, params)).fetchall()


def columns(
    con: duckdb.DuckDBPyConnection, topic: str, window: Window, *, package: str = __name__, **params: Any
) -> dict[str, list[Any]]:
    """As `rows`, but column by column, by name: what a chart wants."""
    answer = con.execute(sql(topic, package), _bound(topic, package, window, params))
    names = [description[0] for description in answer.description or ()]
    table = answer.fetchall()
    return {name: [row[index] for row in table] for index, name in enumerate(names)}
