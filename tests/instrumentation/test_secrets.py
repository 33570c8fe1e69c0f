"""Secrets in every field of request, response, headers, tools and errors: none is in span, store, log or metric."""

from __future__ import annotations

import gc
import json
import logging
from pathlib import Path
from typing import Any, Literal

import anthropic
import pytest
from opentelemetry.sdk.trace.export import SpanExportResult

from firsttoken import DuckDBSpanExporter, store
from firsttoken_dashboard.demo.api import LookAlike
from tests.instrumentation.recording import Recording
from tests.instrumentation.request import request
from tests.instrumentation.ways import ALL, LEFT_OPEN, Way, named, parametrize

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
    base["extra_body"] = {"custom": planted("custom")}
    return base


def transport(way: Way) -> Any:
    """A transport that adds a header with a secret to every response."""

    def add(response: Any) -> None:
        response.headers["x-internal-token"] = planted("response-header")

    async def add_async(response: Any) -> None:
        add(response)

    if way.mode == "sync":
        return anthropic.DefaultHttpxClient(verify=False, event_hooks={"response": [add]})
    return anthropic.DefaultAsyncHttpxClient(verify=False, event_hooks={"response": [add_async]})


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
            "name": planted("name"),
            "description": planted("tool"),
            "input_schema": {"type": "object", "description": planted("schema")},
        }
        body["tools"] = [tool]
    if way.name == "post":
        del body["extra_query"], body["extra_body"]

    items = way.run(way.client(claude_api.url, api_key=planted("key"), http_client=transport(way)), body)

    assert items
    assert SECRET in claude_api.records[0].body.decode()
    assert recorded.calls
    nothing_of_it_is_told(recorded, caplog)

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


@pytest.mark.parametrize("name", ["create_stream_for", "stream_text", "streaming_response_lines"])
@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.filterwarnings(*LEFT_OPEN)
def test_what_the_application_itself_raises_is_not_told_either(
    name: str,
    mode: Literal["sync", "async"],
    claude_api: LookAlike,
    recorded: Recording,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG, logger="firsttoken")

    def fails(_: object) -> None:
        raise ValueError(planted("application"))

    monkeypatch.setattr("tests.instrumentation.ways.seen", fails)
    way = named(name, mode)
    (error,) = way.run(way.client(claude_api.url), request())
    assert SECRET in error["text"]
    gc.collect()  # an old SDK leaves the stream open: the call ends when the stream is dropped
    recorded.eventually(1)
    nothing_of_it_is_told(recorded, caplog)


def test_credentials_in_an_address_that_nobody_answers_at_are_not_told(
    recorded: Recording, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="firsttoken")
    way = named("create")
    credentials = ":".join((planted("user"), planted("password")))
    (error,) = way.run(way.client(f"http://{credentials}@127.0.0.1:9"), request())
    assert error["type"].endswith("APIConnectionError")
    assert recorded.calls
    nothing_of_it_is_told(recorded, caplog)


def nothing_of_it_is_told(recorded: Recording, caplog: pytest.LogCaptureFixture) -> None:
    """Neither by spans nor by metrics nor by our log."""
    assert SECRET not in "\n".join(span.to_json() for span in recorded.spans)
    assert SECRET not in repr(recorded.histograms())
    ours = [record for record in caplog.records if record.name == "firsttoken"]
    assert SECRET not in "\n".join(logging.Formatter().format(record) for record in ours)
