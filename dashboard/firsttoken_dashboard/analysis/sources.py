"""What the Data page asks: where the calls come from, and whatever its reader writes into the SQL box."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from firsttoken_dashboard.analysis import Window, rows

if TYPE_CHECKING:
    import duckdb

#: What a question from the SQL box may take and bring.
LIMIT_S: Final = 10.0
LIMIT_ROWS: Final = 1000


class QuestionError(Exception):
    """A question that is refused or fails; str() says why."""


@dataclass(frozen=True, slots=True)
class Source:
    """The calls of one service in one dialect, and how many of them carry what."""

    service: str | None
    dialect: str
    scope: str | None
    n_calls: int
    first_start: datetime
    last_start: datetime
    n_ttft: int
    n_tokens: int
    n_located: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What a question brought; `cut` says that there was more."""

    columns: list[str]
    rows: list[tuple[Any, ...]]
    cut: bool


def sources(con: duckdb.DuckDBPyConnection) -> list[Source]:
    """One entry per service and dialect."""
    return [Source(*row) for row in rows(con, "sources", Window())]


def demo_runs(con: duckdb.DuckDBPyConnection) -> int:
    """How often `firsttoken demo` ran into this store."""
    return int(rows(con, "demo_runs", Window())[0][0])


def free(con: duckdb.DuckDBPyConnection, question: str) -> Answer:
    """Ask one SELECT of a read-only connection, which afterwards reads no files and keeps its settings.

    Raises QuestionError: no single SELECT, longer than LIMIT_S, or refused by DuckDB.
    """
    import duckdb

    con.execute("SET enable_external_access = false")
    con.execute("SET lock_configuration = true")
    timer = threading.Timer(LIMIT_S, con.interrupt)
    timer.start()
    try:
        statements = con.extract_statements(question)
        if len(statements) != 1 or statements[0].type not in {
            duckdb.StatementType.SELECT,
            duckdb.StatementType.EXPLAIN,
        }:
            raise QuestionError("Write one SELECT: the store is only read here.")
        answer = con.execute(statements[0])
        found = answer.fetchmany(LIMIT_ROWS + 1)
        names = [column[0] for column in answer.description or ()]
    except duckdb.InterruptException:
        raise QuestionError(f"Stopped after {LIMIT_S:.0f} s: narrow it, by start_time for instance.") from None
    except duckdb.Error as error:
        raise QuestionError(str(error)) from None
    finally:
        timer.cancel()
    return Answer(names, found[:LIMIT_ROWS], cut=len(found) > LIMIT_ROWS)
