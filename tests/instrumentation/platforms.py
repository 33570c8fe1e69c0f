"""Claude as other platforms serve it, on loopback, and the SDK's clients for them, with dummy credentials.

Bedrock and Vertex name the model in the path, and Bedrock sends a stream in AWS's binary framing. The gateway here
speaks as they do and asks the look-alike; the other platforms speak the API's own language.
"""

from __future__ import annotations

import base64
import http.client
import json
import re
import struct
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, cast

import anthropic

from tests.instrumentation.request import MODEL

_AWS = {"aws_access_key": "dummy", "aws_secret_key": "dummy", "aws_region": "eu-west-1"}
_PATH = re.compile(r"(?:/model/|.*/publishers/anthropic/models/)([^/:]+)[/:](.+)")


@dataclass(frozen=True)
class Platform:
    """A platform's client classes. `scope` is what the SDK adds to the name of its tracer, `path` to the base URL."""

    client: str
    provider: str
    scope: str
    arguments: dict[str, Any] = field(default_factory=dict[str, Any])
    path: str = ""
    model: str = MODEL

    def __str__(self) -> str:
        return self.client.removeprefix("Anthropic").lower()

    def open(self, gateway: str, mode: Literal["sync", "async"]) -> Any:
        """A client of this platform; None where this version of the SDK has none."""
        kind: Any = getattr(anthropic, self.client if mode == "sync" else f"Async{self.client}", None)
        if kind is None:
            return None
        transport: Any = anthropic.DefaultHttpxClient if mode == "sync" else anthropic.DefaultAsyncHttpxClient
        return kind(base_url=gateway + self.path, max_retries=0, http_client=transport(verify=False), **self.arguments)


PLATFORMS = (
    Platform("AnthropicBedrock", "aws.bedrock", "bedrock", _AWS, model=f"anthropic.{MODEL}-v1"),
    Platform("AnthropicBedrockMantle", "aws.bedrock", "bedrock", _AWS),
    Platform(
        "AnthropicVertex",
        "gcp.vertex_ai",
        "vertex",
        {"region": "europe-west1", "project_id": "dummy", "access_token": "dummy"},
        path="/v1",
    ),
    # The conventions have no name for these; the SDK writes `anthropic`, and so do we.
    Platform("AnthropicFoundry", "anthropic", "foundry", {"api_key": "dummy"}),
    Platform("AnthropicAWS", "anthropic", "aws", {"api_key": "dummy", "workspace_id": "wrkspc_dummy"}),
    Platform(
        "AnthropicGoogleCloud",
        "anthropic",
        "google_cloud",
        {"token_provider": lambda: "dummy", "workspace_id": "wrkspc_dummy"},
    ),
)


class Gateway(ThreadingHTTPServer):
    """Answers as Bedrock, Vertex or the API itself would, with what the look-alike at `upstream` says."""

    daemon_threads = True

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Asked)
        self.upstream = upstream.removeprefix("http://")
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()


class _Asked(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        framed = False
        named = _PATH.fullmatch(self.path.partition("?")[0])
        if named:
            action = named[2]
            framed = action == "invoke-with-response-stream"
            assert body.pop("anthropic_version")
            body |= {"model": MODEL, "stream": framed or action == "streamRawPredict"}
        upstream = http.client.HTTPConnection(cast("Gateway", self.server).upstream)
        try:
            upstream.request("POST", "/v1/messages", json.dumps(body), self._headers())
            with upstream.getresponse() as answer:
                self._answer(answer, framed=framed and answer.status == 200)
        finally:
            upstream.close()

    def _headers(self) -> dict[str, str]:
        dropped = {"host", "content-length", "connection", "accept-encoding"}
        return {name: value for name, value in self.headers.items() if name.lower() not in dropped}

    def _answer(self, answer: http.client.HTTPResponse, *, framed: bool) -> None:
        self.send_response(answer.status)
        kind = "application/vnd.amazon.eventstream" if framed else answer.headers["content-type"]
        self.send_header("content-type", kind)
        self.send_header("request-id", answer.headers["request-id"])
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for part in _framed(answer) if framed else iter(lambda: answer.read1(65536), b""):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class calls it so
        pass


def _framed(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    """Each server-sent event of the API as one message of AWS's event stream."""
    for line in answer:
        if line.startswith(b"data: "):
            yield frame(json.dumps({"bytes": base64.b64encode(line[6:].strip()).decode(), "p": "abc"}).encode())


def frame(payload: bytes, kind: bytes = b"chunk") -> bytes:
    """A message of AWS's event stream."""
    named = (
        (b":event-type", kind),
        (b":content-type", b"application/json"),
        (b":message-type", b"event"),
    )
    headers = b"".join(
        struct.pack("!B", len(name)) + name + struct.pack("!BH", 7, len(value)) + value for name, value in named
    )
    prelude = struct.pack("!II", 16 + len(headers) + len(payload), len(headers))
    message = prelude + struct.pack("!I", zlib.crc32(prelude)) + headers + payload
    return message + struct.pack("!I", zlib.crc32(message))
