# pyright: basic, reportMissingImports=false, reportIncompatibleMethodOverride=false, reportAttributeAccessIssue=false
"""Records what an instrumentation really writes: the fixtures beside this file.

    python record.py traceloop > traceloop.json
    python record.py anthropic-sdk+openinference > pairs/anthropic-sdk+openinference.json
    python record.py vercel-7 > vercel-7.json

in an environment that holds the instrumentation, `anthropic` and `opentelemetry-sdk`; the TypeScript ones need Node and
`npm install` in the folder `node` (or FIRSTTOKEN_NODE, a copy of it). `record-all` beside this file makes those
environments. A small server answers as the Messages API does, always with 12 uncached, 1,000 read, 100 written and 7
output tokens. Prompts, answers, tool arguments and keys hold the word SECRET, so that a test can look for it.

Python's spans are kept as the SDK hands them to an exporter, TypeScript's as the OTLP JSON that came in.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

USAGE = {
    "input_tokens": 12,
    "cache_read_input_tokens": 1000,
    "cache_creation_input_tokens": 100,
    "cache_creation": {"ephemeral_5m_input_tokens": 60, "ephemeral_1h_input_tokens": 40},
    "output_tokens": 7,
    "service_tier": "standard",
}
MODEL = "claude-haiku-4-5"
#: The distributions whose versions a fixture tells, per dialect.
PACKAGES = {
    "firsttoken": ["firsttoken"],
    "anthropic-sdk": [],
    "opentelemetry": ["opentelemetry-instrumentation-genai-anthropic"],
    "traceloop": ["opentelemetry-instrumentation-anthropic"],
    "openinference": ["openinference-instrumentation-anthropic"],
    "logfire": ["logfire"],
    "logfire-beside": ["logfire"],
    "openlit": ["openlit"],
}
#: The same for TypeScript; the names of package.json, where an alias says which major version.
NODE_PACKAGES = {
    "anthropic-sdk-typescript": ["@anthropic-ai/sdk"],
    "openinference-js": ["@arizeai/openinference-instrumentation-anthropic", "@anthropic-ai/sdk"],
    "traceloop-js": ["@traceloop/instrumentation-anthropic", "@anthropic-ai/sdk-0"],
    "vercel-6": ["ai-6", "@ai-sdk/anthropic-3"],
    "vercel-7": ["ai", "@ai-sdk/otel", "@ai-sdk/anthropic"],
}
NODE = Path(os.environ.get("FIRSTTOKEN_NODE", Path(__file__).parent / "node"))
#: Folders of the machine that records, and what the fixtures call them.
PLACES = {
    str(NODE.resolve()): "/srv/node",
    sys.prefix: "/srv/venv",
    sys.base_prefix: "/usr",
    str(Path(__file__).resolve().parents[3]): "/srv/firsttoken",
    socket.gethostname(): "host",
}


class Api(BaseHTTPRequestHandler):
    """Answers every request with the same message; and takes spans, as OTLP.

    Model `overloaded` always gets 529, model `flaky` on the first request only.
    """

    protocol_version = "HTTP/1.1"
    count = 0
    flaky = 0
    received: ClassVar[list[Any]] = []

    def do_POST(self) -> None:
        request = json.loads(self.body())
        if self.path == "/v1/traces":
            Api.received.append(request)
            self.reply(200, "application/json", "{}")
            return
        Api.count += 1
        time.sleep(0.03)  # no API answers at once, and some of what is recorded is made meanwhile
        Api.flaky += request["model"] == "flaky"
        if request["model"] == "overloaded" or (request["model"] == "flaky" and Api.flaky == 1):
            error = {"type": "error", "error": {"type": "overloaded_error", "message": "SECRET overloaded"}}
            self.reply(529, "application/json", json.dumps(error))
            return
        message: dict[str, Any] = {
            "id": f"msg_{Api.count:024}",
            "type": "message",
            "role": "assistant",
            "model": MODEL,
            "content": [
                {"type": "text", "text": "SECRET answer"},
                {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"q": "SECRET argument"}},
            ],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": USAGE,
        }
        if not request.get("stream"):
            self.reply(200, "application/json", json.dumps(message))
            return
        begun = {**message, "content": [], "stop_reason": None, "usage": {**USAGE, "output_tokens": 1}}
        text = {"type": "text", "text": ""}
        delta = {"type": "text_delta", "text": "SECRET answer"}
        events = [
            {"type": "message_start", "message": begun},
            {"type": "content_block_start", "index": 0, "content_block": text},
            {"type": "content_block_delta", "index": 0, "delta": delta},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": USAGE},
            {"type": "message_stop"},
        ]
        body = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
        self.reply(200, "text/event-stream", body)

    def body(self) -> bytes:
        """What was sent; JavaScript's exporter sends it in chunks."""
        if "content-length" in self.headers:
            return self.rfile.read(int(self.headers["content-length"]))
        chunks: list[bytes] = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def reply(self, status: int, kind: str, body: str) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("request-id", f"req_{Api.count}")
        self.send_header("retry-after-ms", "1")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        pass


def instrument(name: str, provider: Any, *, alone: bool) -> None:
    """Switches the named instrumentation on, with its defaults; `alone`: Logfire keeps all others from its calls."""
    if name == "firsttoken":
        from firsttoken import AnthropicInstrumentor
    elif name == "opentelemetry":
        from opentelemetry.instrumentation.genai.anthropic import AnthropicInstrumentor
    elif name == "traceloop":
        from opentelemetry.instrumentation.anthropic import AnthropicInstrumentor
    elif name == "openinference":
        from openinference.instrumentation.anthropic import AnthropicInstrumentor
    elif name.startswith("logfire"):
        import logfire

        logfire.instrument_anthropic(suppress_other_instrumentation=alone)
        return
    elif name == "openlit":
        import openlit

        openlit.init(service_name="recorded", disable_metrics=True)
        return
    else:
        return
    AnthropicInstrumentor().instrument(tracer_provider=provider)


def as_json(span: Any) -> dict[str, Any]:
    """One ended span of the SDK as the tests read it."""
    scope = span.instrumentation_scope
    return {
        "trace_id": f"{span.context.trace_id:032x}",
        "span_id": f"{span.context.span_id:016x}",
        "parent_span_id": f"{span.parent.span_id:016x}" if span.parent else None,
        "name": span.name,
        "kind": span.kind.name,
        "start_time": span.start_time,
        "end_time": span.end_time,
        "status_code": span.status.status_code.name,
        "status_message": span.status.description,
        "scope_name": scope.name,
        "scope_version": scope.version,
        "resource": dict(span.resource.attributes),
        "attributes": dict(span.attributes),
        "events": [
            {"name": event.name, "time": event.timestamp, "attributes": dict(event.attributes or {})}
            for event in span.events
        ],
    }


def record_python(name: str, url: str) -> dict[str, Any]:
    """One create, one create(stream=True), one stream(), one refused call, one tried again."""
    dialects = name.split("+")
    if "anthropic-sdk" not in dialects:
        os.environ["ANTHROPIC_OPEN_TELEMETRY"] = "false"

    from opentelemetry import trace
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    memory = InMemorySpanExporter()
    if {"logfire", "logfire-beside"} & set(dialects):
        import logfire

        logfire.configure(
            send_to_logfire=False, console=False, additional_span_processors=[SimpleSpanProcessor(memory)]
        )
    else:
        provider = TracerProvider(resource=Resource.create({"service.name": "recorded"}))
        provider.add_span_processor(SimpleSpanProcessor(memory))
        trace.set_tracer_provider(provider)
    for dialect in dialects:
        instrument(dialect, trace.get_tracer_provider(), alone="logfire" in dialects)

    import anthropic

    client: Any = anthropic.Anthropic(base_url=url, api_key="sk-ant-SECRET", max_retries=0)
    request: dict[str, Any] = {
        "model": MODEL,
        "max_tokens": 100,
        "system": "SECRET system",
        "messages": [{"role": "user", "content": "SECRET prompt"}],
        "tools": [{"name": "look", "description": "SECRET tool", "input_schema": {"type": "object"}}],
        "metadata": {"user_id": "SECRET user"},
        "stop_sequences": ["SECRET stop"],
    }
    client.messages.create(**request)
    for _ in client.messages.create(stream=True, **request):
        pass
    with client.messages.stream(**request) as stream:
        stream.get_final_message()
    with contextlib.suppress(anthropic.APIStatusError):
        client.messages.create(**{**request, "model": "overloaded"})
    client.with_options(max_retries=2).messages.create(**{**request, "model": "flaky"})
    packages = [package for dialect in dialects for package in PACKAGES[dialect]]
    return {
        "packages": {package: version(package) for package in [*packages, "anthropic", "opentelemetry-sdk"]},
        "spans": [as_json(span) for span in memory.get_finished_spans()],
    }


def record_node(name: str, url: str) -> dict[str, Any]:
    """The same calls, by node/record.mjs."""
    subprocess.run(["node", "record.mjs", name, url, url], cwd=NODE, check=True, stdout=sys.stderr)
    packages = dict.fromkeys(package for dialect in name.split("+") for package in NODE_PACKAGES[dialect])
    if "anthropic-sdk-typescript" in name and "traceloop-js" in name:
        packages.pop("@anthropic-ai/sdk")  # it has only the older one to itself
    return {
        "packages": {
            package: json.loads((NODE / "node_modules" / package / "package.json").read_text())["version"]
            for package in [*packages, "@opentelemetry/sdk-trace-node"]
        },
        "requests": Api.received,
    }


def main() -> None:
    """Print the fixture of the dialect, or the pair of them, that is named."""
    name = sys.argv[1]
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    record = record_node if name.partition("+")[0] in NODE_PACKAGES else record_python
    with contextlib.redirect_stdout(sys.stderr):  # some print what they do
        recording = record(name, f"http://127.0.0.1:{server.server_port}")
    fixture = json.dumps(recording, indent=1, default=str)
    for place, instead in PLACES.items():
        fixture = fixture.replace(place, instead)
    print(fixture)


if __name__ == "__main__":
    main()
