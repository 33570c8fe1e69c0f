"""What the store has of an application's calls, and the line that a test expects of them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import firsttoken.store


class StoredCall(NamedTuple):
    """A row of `calls`."""

    file: str | None
    line: int | None
    function: str | None
    service: str
    dialect: str
    stream: bool | None
    ttft_s: float | None
    input_tokens: int | None
    output_tokens: int | None
    request_id: str | None


def calls_in(store: Path) -> list[StoredCall]:
    """The calls in the order in which they began; none where there is no store."""
    try:
        with firsttoken.store.open(store).read() as connection:
            rows = connection.execute("""
                SELECT code_file, code_line, code_function, service_name, dialect, stream, ttft_s, input_tokens,
                       output_tokens, request_id
                FROM calls ORDER BY start_time
            """).fetchall()
    except firsttoken.store.StoreMissing:
        return []
    return [StoredCall(*row) for row in rows]


def spans_with_usage(store: Path) -> list[str]:
    """The scope of every span that says how many tokens were written."""
    with firsttoken.store.open(store).read() as connection:
        rows = connection.execute("""
            SELECT scope_name FROM spans
            WHERE json_extract(attributes, '$."gen_ai.usage.output_tokens"') IS NOT NULL ORDER BY start_time
        """).fetchall()
    return [row[0] for row in rows]


def line_of(source: str, text: str) -> int:
    """The number of the one line of a script that has `text`."""
    (line,) = [number for number, line in enumerate(source.splitlines(), 1) if text in line]
    return line
