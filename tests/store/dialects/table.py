"""Writes the tables of docs/dialects.md anew from the recordings.

    python tests/store/dialects/table.py

A test compares the page with what this would write.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[3]))

from firsttoken import store as stores
from firsttoken.store import SpanBatch
from tests.store.dialects.recorded import PAIRS, fixture, recorded

PAGE: Final = Path(__file__).parents[3] / "docs" / "dialects.md"

Row = dict[str, Any]
#: Gives the rows of `calls` that a recording comes to, in the order of the calls.
RowsOf = Callable[[str], list[Row]]
#: Of the five calls of a recording: two that came whole, two streams, one that failed.
WHOLE, STREAMED, FAILED = (0, 4), (1, 2), (3,)
#: What the look-alike API reported of every call that succeeded.
TRUTH: Final = {"input_tokens": 1112, "cache_read_tokens": 1000, "cache_write_tokens": 100, "output_tokens": 7}

TITLES: Final = {
    "firsttoken": "firsttoken",
    "anthropic-sdk": "SDK's own",
    "opentelemetry": "OpenTelemetry genai-anthropic",
    "traceloop": "OpenLLMetry",
    "openinference": "OpenInference",
    "logfire": "Logfire",
    "openlit": "OpenLIT",
    "anthropic-sdk-typescript": "SDK's own",
    "openinference-js": "OpenInference-JS",
    "traceloop-js": "OpenLLMetry-JS",
    "vercel-6": "Vercel AI SDK 6",
    "vercel-7": "Vercel AI SDK 7",
}
PYTHON: Final = ["firsttoken", "anthropic-sdk", "opentelemetry", "openinference", "traceloop", "logfire", "openlit"]
TYPESCRIPT: Final = ["anthropic-sdk-typescript", "openinference-js", "traceloop-js", "vercel-7", "vercel-6"]


def calls(name: str) -> list[Row]:
    """The rows of `calls` that a recording comes to, in the order of the calls."""
    with tempfile.TemporaryDirectory() as folder:
        store = stores.open(Path(folder) / "store.duckdb")
        batch = SpanBatch()
        for span in recorded(name):
            batch.add(**span)
        store.append_batch(batch)
        with store.read() as connection:
            cursor = connection.execute("SELECT * FROM calls ORDER BY end_time")
            columns = [column[0] for column in cursor.description]
            return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


def told(*columns: str, of: Sequence[int] = (*WHOLE, *STREAMED)) -> Callable[[list[Row]], str]:
    """Of which calls a dialect tells all of `columns`, rightly."""

    def cell(rows: list[Row]) -> str:
        known = {place for place in of if all(rows[place][column] is not None for column in columns)}
        wrong = {place for place in known if any(rows[place][c] != TRUTH.get(c, rows[place][c]) for c in columns)}
        if wrong:
            return "wrong for streams" if wrong <= set(STREAMED) else "wrong"
        return coverage(known, of)

    return cell


def coverage(known: set[int], of: Sequence[int]) -> str:
    if known == set(of):
        return "yes"
    if not known:
        return "–"
    if known == set(STREAMED):
        return "streams"
    if known == set(WHOLE):
        return "not of streams"
    return "some streams" if known <= set(STREAMED) else "some"


def first_token(rows: list[Row]) -> str:
    kinds = {rows[place]["ttft_definition"] for place in STREAMED} - {None}
    known = {place for place in STREAMED if rows[place]["ttft_s"] is not None}
    if not known:
        return "–"
    words = " or ".join(kind.replace("_", " ") for kind in sorted(kinds))
    return words if len(known) == len(STREAMED) else f"{words}, some streams"


def error(rows: list[Row]) -> str:
    kind = rows[3]["error_type"]
    return "yes" if kind == "overloaded_error" else "only that it failed"


def attempts(rows: list[Row]) -> str:
    return "yes" if [row["attempts"] for row in rows] == [1, 1, 1, 1, 2] else "–"


FACTS: Final[dict[str, Callable[[list[Row]], str]]] = {
    "all input tokens": told("input_tokens"),
    "of them read from the cache, written to it, neither": told(
        "cache_read_tokens", "cache_write_tokens", "uncached_input_tokens"
    ),
    "cache writes for five minutes and for an hour": told("cache_write_5m_tokens", "cache_write_1h_tokens"),
    "output tokens": told("output_tokens"),
    "stop reason": told("stop_reason"),
    "whether it streamed": told("stream"),
    "time to first token": first_token,
    "tokens per second, stalls, time in the application": told("chunk_count", "consumer_s", of=STREAMED),
    "time to headers": told("time_to_headers_s"),
    "attempts": attempts,
    "what went wrong": error,
    "HTTP status of a failure": told("http_status", of=FAILED),
    "max_tokens": told("max_tokens"),
    "timeout and retries in force": told("timeout_s", "max_retries"),
    "response id": told("response_id"),
    "request id": told("request_id"),
    "line of code": told("code_file", "code_line"),
    "which client, which connection": told("client_id", "connection_new"),
    "the prompt's blocks, as hashes": told("prompt_blocks"),
    "service tier": told("service_tier"),
}


def recorded_content(name: str) -> str:
    """Whether the library wrote prompts and answers with its defaults."""
    text = str(recorded(name))
    return "yes" if "SECRET prompt" in text or "SECRET answer" in text else "no"


def versions(name: str) -> str:
    return ", ".join(
        f"{package.removesuffix('-0').removesuffix('-3').removesuffix('-6')} {version}"
        for package, version in fixture(name)["packages"].items()
        if not package.startswith(("opentelemetry-sdk", "@opentelemetry/sdk"))
    )


def table(dialects: Sequence[str], rows_of: RowsOf) -> str:
    """What each dialect tells, a column a dialect."""
    rows = {dialect: rows_of(dialect) for dialect in dialects}
    lines = [["", *(TITLES[dialect] for dialect in dialects)]]
    lines += [[fact, *(cell(rows[dialect]) for dialect in dialects)] for fact, cell in FACTS.items()]
    lines += [["records prompts and answers by default", *(recorded_content(dialect) for dialect in dialects)]]
    lines += [["`dialect` in `calls`", *(f"`{dialect}`" for dialect in dialects)]]
    return markdown(lines)


def recordings() -> str:
    return markdown([["dialect", "recorded with"], *([f"`{name}`", versions(name)] for name in [*PYTHON, *TYPESCRIPT])])


def pairs(rows_of: RowsOf) -> str:
    """What two instrumentations beside each other come to."""
    lines = [["beside each other", "spans", "calls", "whose words count"]]
    for name in PAIRS:
        rows = rows_of(name)
        words = ", ".join(
            f"`{dialect}` ({count})" for dialect, count in sorted(_count(row["dialect"] for row in rows).items())
        )
        lines.append(
            [" + ".join(f"`{one}`" for one in name.split("+")), str(len(recorded(name))), str(len(rows)), words]
        )
    return markdown(lines)


def _count(values: Any) -> dict[str, int]:
    counts: dict[str, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return counts


def markdown(lines: list[list[str]]) -> str:
    head, *rest = ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join([head, "|" + "---|" * len(lines[0]), *rest])


def page(text: str, rows_of: RowsOf = calls) -> str:
    """The page with its tables written anew."""
    tables = {
        "python": table(PYTHON, rows_of),
        "typescript": table(TYPESCRIPT, rows_of),
        "recordings": recordings(),
        "pairs": pairs(rows_of),
    }
    for name, made in tables.items():
        text, found = re.subn(
            rf"(<!-- {name} -->\n).*?(<!-- end -->)",
            lambda match, made=made: match[1] + made + "\n" + match[2],
            text,
            flags=re.DOTALL,
        )
        if found != 1:
            raise ValueError(name)
    return text


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
