"""Secrets in every field of request, response, headers, tools and errors: none is in span, store, log or metric."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace.export import SpanExportResult

from firsttoken import DuckDBSpanExporter, store
from firsttoken_dashboard.demo.api import LookAlike
from tests.instrumentation.recording import Recording
from tests.instrumentation.request import request
from tests.instrumentation.ways import ALL, Way, parametrize

#: The word that is planted; what follows it says where.
SECRET = "xyzzysecret"


def planted(where: str) -> str:
    return f"{SECRET}-{where}"


def asked() -> dict[str, Any]:
    """A request with a secret in every field that has text."""
    base = request(text=f"{planted('answer')} and some more words", message=planted("error"))
    base["system"] = [{"type": "text", "text": planted("system"), "cache_control": {"type": "ephemeral"}}]
    base["messages"] = [
        {"role": "user", "content": planted("question")},
        {
            "role": "assistant",
            "content": [
                {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {planted("key"): planted("argument")}}
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": planted("result")}]},
    ]
    base["metadata"] = {"user_id": planted("user")}
    base["stop_sequences"] = [planted("stop")]
    base["extra_headers"] = {**base["extra_headers"], "x-internal-token": planted("header")}
    base["extra_query"] = {"token": planted("query")}
    return base


@parametrize(ALL)
@pytest.mark.parametrize("status", [None, 400])
def test_no_secret_leaves_the_process(
    way: Way,
    status: int | None,
    claude_api: LookAlike,
    recorded: Recording,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, logger="firsttoken")
    body = asked()
    if status is not None:
        body["extra_headers"]["x-lookalike-status"] = str(status)
    if "tool_runner" not in way.name:
        tool = {
            "name": "look",
            "description": planted("tool"),
            "input_schema": {"type": "object", "description": planted("schema")},
        }
        body["tools"] = [tool]
    if way.name == "post":
        del body["extra_query"]

    items = way.run(way.client(claude_api.url, api_key=planted("key")), body)

    assert items
    assert SECRET in claude_api.records[0].body.decode()
    assert recorded.calls
    spans = "\n".join(span.to_json() for span in recorded.spans)
    assert SECRET not in spans
    assert SECRET not in repr(recorded.histograms())
    assert SECRET not in "\n".join(record.getMessage() for record in caplog.records if record.name == "firsttoken")

    path = tmp_path / "secrets.duckdb"
    exporter = DuckDBSpanExporter(path)
    assert exporter.export(recorded.spans) is SpanExportResult.SUCCESS
    exporter.shutdown()
    with store.open(path).read() as con:
        rows = (
            con.execute("SELECT spans::VARCHAR FROM spans").fetchall()
            + con.execute("SELECT calls::VARCHAR FROM calls").fetchall()
        )
    assert rows
    assert SECRET not in json.dumps(rows)
    assert all(SECRET.encode() not in file.read_bytes() for file in tmp_path.iterdir() if file.is_file())
