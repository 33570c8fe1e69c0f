# pyright: basic, reportMissingImports=false, reportIncompatibleMethodOverride=false, reportAttributeAccessIssue=false
"""Records what an instrumentation really writes: the fixtures beside this file.

    python record.py traceloop > traceloop.json

in an environment that holds the instrumentation, `anthropic` and `opentelemetry-sdk`. A small server answers as the
Messages API does, always with 12 uncached, 1,000 read, 100 written and 7 output tokens. Prompts, answers, tool
arguments and keys hold the word SECRET, so that a test can look for it.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import distributions, version
from typing import Any

USAGE = {
    "input_tokens": 12,
    "cache_read_input_tokens": 1000,
    "cache_creation_input_tokens": 100,
    "cache_creation": {"ephemeral_5m_input_tokens": 60, "ephemeral_1h_input_tokens": 40},
    "output_tokens": 7,
    "service_tier": "standard",
}
MODEL = "claude-haiku-4-5"
PACKAGES = {
    "anthropic-sdk": None,
    "opentelemetry": "opentelemetry-instrumentation-genai-anthropic",
    "traceloop": "opentelemetry-instrumentation-anthropic",
    "openinference": "openinference-instrumentation-anthropic",
    "logfire": "logfire",
    "openlit": "openlit",
}


class Api(BaseHTTPRequestHandler):
    """Answers every request with the same message; a model named `overloaded` with 529."""

    protocol_version = "HTTP/1.1"
    count = 0

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        Api.count += 1
        if request["model"] == "overloaded":
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

    def reply(self, status: int, kind: str, body: str) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("request-id", f"req_{Api.count}")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        pass


def instrument(name: str, provider: Any) -> None:
    """Switches the named instrumentation on, with its defaults."""
    if name == "opentelemetry":
        from opentelemetry.instrumentation.genai.anthropic import AnthropicInstrumentor
    elif name == "traceloop":
        from opentelemetry.instrumentation.anthropic import AnthropicInstrumentor
    elif name == "openinference":
        from openinference.instrumentation.anthropic import AnthropicInstrumentor
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


def main() -> None:
    """One create, one create(stream=True), one stream(), one call that the API refuses."""
    name = sys.argv[1]
    if name != "anthropic-sdk":
        os.environ["ANTHROPIC_OPEN_TELEMETRY"] = "false"
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    from opentelemetry import trace
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    memory = InMemorySpanExporter()
    if name == "logfire":
        import logfire

        logfire.configure(
            send_to_logfire=False, console=False, additional_span_processors=[SimpleSpanProcessor(memory)]
        )
        logfire.instrument_anthropic()
    else:
        provider = TracerProvider(resource=Resource.create({"service.name": "recorded"}))
        provider.add_span_processor(SimpleSpanProcessor(memory))
        trace.set_tracer_provider(provider)
        instrument(name, provider)

    import anthropic

    client: Any = anthropic.Anthropic(
        base_url=f"http://127.0.0.1:{server.server_port}", api_key="sk-ant-SECRET", max_retries=0
    )
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
    package = PACKAGES[name]
    installed = {found.metadata["Name"] for found in distributions()}
    recorded = {
        "library": package or "anthropic",
        "version": version(package or "anthropic"),
        "anthropic": version("anthropic"),
        "opentelemetry-sdk": version("opentelemetry-sdk") if "opentelemetry-sdk" in installed else None,
        "spans": [as_json(span) for span in memory.get_finished_spans()],
    }
    print(json.dumps(recorded, indent=1, default=str))


if __name__ == "__main__":
    main()
